#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `cloister policy`, and what of the settings needs no engine.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns

file=$work/settings.json
policy() { cloister --settings "$file" policy "$@"; }
explain() { policy explain --json "$@" | json 'd[0]["verdict"]'; }

### init, check
ok "init writes settings" cloister policy init "$work/new/settings.json"
ok "... that are right" cloister policy check "$work/new/settings.json"
fails 'exists; --force' "... and replaces none" cloister policy init "$work/new/settings.json"
ok "init --strict --force" cloister policy init --strict --force "$work/new/settings.json"
fails "not in a shared directory" "explain of a file that does not count yet" cloister policy explain "$work/new/settings.json" --mount "$work"
ok "... test of one" cloister policy test "$work/new/settings.json"
fails '"b" is one FILE too many' "two files at once" cloister policy check a b
is "$(cloister policy check --json "$work/new/settings.json" | json '(d["valid"], d["locked"], d["fileSharing"]["listed"], d["fileSharing"]["directories"], d["warnings"])')" \
	'[true, true, true, 0, []]' "... is locked and shares nothing"
like "$(cloister policy check "$work/new/settings.json")" 'file sharing \(enforce\): no host path at all' "... and check says so"
like "$(cloister policy check)" 'every host path that is not restricted may be mounted' "check says what no list means"
echo '{ "x": 1, "cloister": { "fileSharing": { "directories": [ 7 ] } } }' >"$file"
fails 'line 1, column 59: cloister.fileSharing.directories\[0\]: must be a text' "a wrong type has a place" policy check "$file"
fails 'line 1, column 59' "... for containers too" cloister --settings "$file" launch -- true
is "$(policy check --json "$file" | json 'd["valid"]')" false "... as JSON"
echo '{ "x": 1 }' >"$file"
like "$(policy check "$file")" 'warning: settings ".*": line 1, column 8: x: unknown key' "an unknown key is warned about"
like "$(cloister --settings "$file" launch -- true 2>&1)" 'warning: settings ".*": line 1, column 8: x: unknown key' "... when a container starts too"
echo '{ }' >"$file"; chown 1000 "$file"
fails 'others than root can write it' "settings of somebody else" cloister --settings "$file" launch -- true
chown 0 "$file"; rm -f "$work/none"
fails 'No such file' "settings that are not there" cloister --settings "$work/none" launch -- true
ok "... by the environment" env CLOISTER_SETTINGS="$file" cloister --root "$state" launch -- true
fails 'No such file' "... neither" env CLOISTER_SETTINGS="$work/none" "$top_builddir/src/cloister" --root "$state" launch -- true

echo '{ "cloister": { "restrictedMounts": { "mode": "often" } } }' >"$file"
fails '"often" is unknown here; give one of: enforce, ' "an unknown word: those that are known" policy check "$file"
mkdir "$work/ofroot" "$work/ofnobody"; chown nobody "$work/ofnobody"
printf '{ "cloister": { "fileSharing": { "directories": [ { "path": "%s", "as": "owner" }, { "path": "%s", "as": "owner" }, "%s" ] } } }' \
	"$work/ofroot" "$work/ofnobody" "$work/nowhere" >"$file"
shared=$(policy check "$file")
like "$shared" "$work/ofroot, with the rights of its owner root" "check says who the owner is: root"
like "$shared" "$work/ofnobody, with the rights of its owner nobody" "... or another"
like "$shared" "No such file or directory: nothing can be mounted by it" "... and that a directory is missing"
echo '{ }' >"$file"

### explain
mkdir -p "$work/vol/sub"
is "$(explain --mount "$work/vol")" passes "explain: what passes"
is "$(explain --mount /etc)" refused "explain: what is refused"
is "$(explain --mount /usr --read-only)" passes "explain --read-only"
fails 'it contains /etc/' "explain says why" policy explain --mount /etc
printf '{ "cloister": { "restrictedMounts": { "mode": "hide", "paths": [ "%s" ] } } }' "$work/vol/sub" >"$file"
is "$(policy explain --json --mount "$work/vol" | json '(d[0]["verdict"], d[0]["notes"])')" '["hidden", ["hidden: sub"]]' "explain: what is hidden"
is "$(explain --mount "$work/vol/sub")" refused "... and refused by itself"
printf '{ "cloister": { "fileSharing": { "directories": [ { "path": "%s", "as": "nobody" } ] } } }' "$work/vol" >"$file"
is "$(policy explain --json --mount "$work/vol/sub" | json '(d[0]["verdict"], d[0]["uid"])')" '["served", 65534]' "explain: what is served as a user"
is "$(explain --mount "$work")" refused "... what is not shared"

### Restricted mounts without an engine
echo '{ }' >"$file"
fails 'because it.s configured as a restricted host mount \(it contains' "a root file system that is the host's" cloister --settings "$file" launch --rootfs / -- true
# A program of an engine's name that listens: also where the kernel tells of that in its old way only.
mkdir "$work/engine" "$work/sockets"
cp "$(readlink -f "$(type -P python3)")" "$work/engine/dockerd"
"$work/engine/dockerd" -IS -c 'import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(600)' \
	"$work/sockets/own name" </dev/null >/dev/null 2>&1 &
engine=$!
on_exit kill "$engine"
ok "an engine's socket of any name" eventually 10 test -S "$work/sockets/own name"
fails 'contains the socket ".*/own name"' "a directory with it" policy explain --mount "$work/sockets"
fails 'contains the socket ".*/own name"' "... where the kernel lacks unix_diag" \
	"$tests_lib/without-diag.py" cloister --root "$state" --settings "$file" policy explain --mount "$work/sockets"
mkdir -p "$work/tree/proc"
mount -t proc proc "$work/tree/proc"; on_exit umount -q "$work/tree/proc"
fails 'it shows the kernel' "a mount that is carried along" launch -v "$work/tree:/m" -- true
umount "$work/tree/proc"
ok "... which passes without" launch -v "$work/tree:/m" -- true
fails 'restricted host mount' "Cloister's own state, where --root has put it" cloister --settings "$file" launch -v "$state:/m" -- true
fails 'restricted host mount \(it contains' "... a parent of it" cloister --settings "$file" launch -v "${state%/*}:/m" -- true
printf '{ "cloister": { "restrictedMounts": { "paths": [ "%s" ] } } }' "$work/vol/sub/later" >"$file"
fails 'restricted host mount \(it contains' "a parent of what is not there yet" cloister --settings "$file" launch -v "$work/vol:/m" -- true
# Renamed over, removed, made again while the container is there: it never had it.
echo secret >"$work/vol/sub/key"
printf '{ "cloister": { "restrictedMounts": { "paths": [ "%s" ] } } }' "$work/vol/sub/key" >"$file"
fails 'restricted host mount' "a restricted file's directory" cloister --settings "$file" launch -v "$work/vol/sub:/m" -- true
echo new >"$work/vol/new"; mv "$work/vol/new" "$work/vol/sub/key"
fails 'restricted host mount' "... renamed over: the same" cloister --settings "$file" launch -v "$work/vol/sub/key:/m" -- true
mv "$work/vol/sub/key" "$work/vol/moved"; rm -f "$work/vol/moved"
fails 'restricted host mount' "... removed: its directory still" cloister --settings "$file" launch -v "$work/vol/sub:/m" -- true

### Served without what is restricted
rm -rf "$work/vol"; mkdir -p "$work/vol/sub"; echo secret >"$work/vol/sub/key"; echo other >"$work/vol/sub/other"
printf '{ "cloister": { "restrictedMounts": { "mode": "hide", "paths": [ "%s", "%s" ] } } }' "$work/vol/sub/key" "$work/vol/none/below" >"$file"
fails 'restricted host mount' "hide: the file itself is refused" cloister --settings "$file" launch -v "$work/vol/sub/key:/m" -- true
is "$(cloister --settings "$file" launch -v "$work/vol:/m" -- sh -c 'ls /m/sub; cat /m/sub/other' 2>&1)" $'other\nother' "hide: a parent is served without it"
cloister --root "$state" --settings "$file" launch --detach --name "$(cname hide)" -v "$work/vol:/m" -- sleep 100 >/dev/null
inside() { cloister exec "$(cname hide)" sh -c "$1" 2>&1; }
like "$(inside 'cat /m/sub/key')" 'No such file' "hide: it is not there"
like "$(inside 'echo mine >/m/sub/mine; mv /m/sub/mine /m/sub/key; ln /m/sub/other /m/sub/key; echo x >/m/sub/key; mkdir /m/none'; cat "$work/vol/sub/key")" 'secret' "hide: nothing is put in its place"
echo new >"$work/vol/new"; mv "$work/vol/new" "$work/vol/sub/key"
like "$(inside 'cat /m/sub/key; ls /m/sub')" 'No such file' "hide: renamed over by the host, it stays hidden"
rm "$work/vol/sub/key"; echo again >"$work/vol/sub/key"
unlike "$(inside 'cat /m/sub/key; ls /m/sub; cat /m/sub/*; find /m')" 'again|key$' "hide: removed and made again, too"
unlike "$(inside 'cd /m/sub; unshare -Urm sh -c "cat key; cat ./key; cat /m/sub/key; mount --bind /m /mnt; cat /mnt/sub/key"')" again "hide: in a nested namespace with a directory kept open, too"
cloister delete --force "$(cname hide)"
if [ -z "$(findmnt -rno TARGET | grep '^/etc/')" ]; then
	echo '{ "cloister": { "restrictedMounts": { "mode": "hide" } } }' >"$file"
	is "$(cloister --settings "$file" launch -v /etc:/m -- sh -c 'ls -d /m/shadow /m/docker /m/ssh/*key 2>/dev/null; cat /m/hostname')" "$(cat /etc/hostname)" "hide: /etc without what is built in"
fi

### Shared with the rights of a user
rm -rf "$work/share"; mkdir "$work/share"; chmod 755 "$work"
echo theirs >"$work/share/of-nobody"; chown -R nobody:nogroup "$work/share"
echo roots >"$work/share/of-root"; chmod 600 "$work/share/of-root"; chown root:root "$work/share/of-root"
for as in nobody owner; do
	printf '{ "cloister": { "fileSharing": { "directories": [ { "path": "%s", "as": "%s" } ] } } }' "$work/share" "$as" >"$file"
	rm -f "$work/share/new" "$work/share/suid"
	is "$(cloister --settings "$file" launch -v "$work/share:/m" -- sh -c 'cat /m/of-nobody; cat /m/of-root 2>&1; echo x >/m/new; cp /usr/bin/id /m/suid; chmod 4755 /m/suid' 2>&1 | sed 's/.*: //')" \
		$'theirs\nPermission denied' "as: $as: the container gains nothing that user lacks"
	is "$(stat -c %U "$work/share/new" "$work/share/suid" | tr '\n' ' ')" "nobody nobody " "as: $as: what it makes is that user's, a set-user-ID file too"
done
printf '{ "cloister": { "fileSharing": { "directories": [ { "path": "%s", "as": "no-such-user" } ] } } }' "$work/share" >"$file"
fails 'no-such-user.*whom this host does not know' "as: somebody unknown" cloister --settings "$file" launch -v "$work/share:/m" -- true

### What is refused is written down
echo '{ }' >"$file"
# Where the machine has a system log ours is put over it, for this one command.
log=/dev/log own=(env)
if [ -e /dev/log ]; then
	log=$work/log
	own=(unshare -m sh -c 'mount --bind "$0" /dev/log && exec "$@"' "$log")
fi
python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[2]); s.settimeout(20); open(sys.argv[1], "wb").write(s.recv(4096))' "$work/syslog" "$log" &
logger=$!; [ "$log" != /dev/log ] || on_exit rm -f /dev/log
eventually 5 test -S "$log"
"${own[@]}" cloister --root "$state" launch --name seen -v /etc:/m -- true 2>/dev/null
wait $logger; rm -f "$log"
like "$(cat "$work/syslog")" 'cloister.*policy: refused: container "seen": error in the container spec: can.t mount /etc because' "one line in the system's log"
like "$(cloister status)" 'seen: refused: error in the container spec: can.t mount /etc because' "one line in status"
is "$(cloister status | grep -c 'seen: refused')" 1 "... and one only"

### test
ok "the canaries are refused" cloister --settings "$file" policy test
is "$(policy test --json | json '[c["result"] for c in d if c["asked"] in ("/etc/shadow", "pid", "/proc/self/root")]')" '["held", "held", "held"]' "... each by itself"
echo '{ "cloister": { "restrictedMounts": { "mode": "warn" } } }' >"$file"
is "$(policy test --json | json 'sorted({c["result"] for c in d if c["asked"].startswith("/etc")})')" '["warn"]' "mode warn is said"
like "$(cloister --settings "$file" launch -v /etc:/m -- true 2>&1)" "warning: policy: error in the container spec: can't mount /etc" "... to whoever starts a container"
done_testing
