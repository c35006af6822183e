#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Volumes and root file systems that the kernel cannot ID-map are served by shiftfs, and what is served as a user.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3; gate tool-setfattr

root=$work/root
make_root "$root"
vol=$work/vol
make_volume "$vol"
ram=$work/ram
mkdir "$ram"; mount -t ramfs -o mode=755 ram "$ram"; on_exit umount -q "$ram"
make_volume "$ram"
bundle=$work/bundle
mkdir "$bundle"

json_string() {
	local s=${1//\\/\\\\}
	s=${s//\"/\\\"} s=${s//$'\t'/\\t}
	echo "\"${s//$'\n'/\\n}\""
}
# bundle_with MOUNTS SCRIPT [FALLBACK [READONLY]]: a bundle whose container has these mounts (JSON) and runs the script.
bundle_with() {
	local annotation='' readonly=false mounts=${1#[}
	local caps='["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN", "CAP_FOWNER", "CAP_FSETID", "CAP_SETUID", "CAP_SETGID", "CAP_MKNOD", "CAP_SETFCAP"]'
	[ -z "${3:-}" ] || annotation="\"org.cloister.fallback\": \"$3\""
	[ -z "${4:-}" ] || readonly=true
	mounts=${mounts%]}
	cat >"$bundle/config.json" <<-END
		{ "ociVersion": "1.2.0", "root": { "path": "$root", "readonly": $readonly },
		  "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" },
		              { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"] }${mounts:+, $mounts} ],
		  "linux": { "namespaces": [ {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"} ] },
		  "annotations": { $annotation },
		  "process": { "cwd": "/", "args": [ "/bin/sh", "-c", $(json_string "${2:-true}") ], "user": { "uid": 0, "gid": 0 },
		               "env": [ "PATH=/bin:/usr/bin" ],
		               "capabilities": { "bounding": $caps, "effective": $caps, "permitted": $caps } } }
	END
}
runs=0
run_with() {
	runs=$((runs + 1))
	bundle_with "$@"
	cloister run --bundle "$bundle" "$(cname "s$runs")" </dev/null 2>&1
}
bind() { # SOURCE DESTINATION OPTION…
	local options
	printf -v options ', "%s"' "${@:3}"
	echo "{ \"source\": \"$1\", \"destination\": \"$2\", \"type\": \"bind\", \"options\": [ ${options#, } ] }"
}
servers() { pgrep -x shiftfs -a | grep -F -- "--name ${1:-$(cname s)}"; }
n_servers() { [ "$(servers "$2" | wc -l)" = "$1" ]; } # a keeper is called a server for a moment
no_servers() { [ -z "$(servers "$@")" ]; }

### Volumes
is "$(run_with "[$(bind "$ram" /v rbind rw)]" 'stat -c %u:%g /v/of-root /v/of-1000; echo n >/v/new; chown 7:8 /v/new; grep " /v " /proc/self/mountinfo | grep -c " - fuse.shiftfs "' | tr '\n' ' ')" \
	"0:0 1000:1000 1 " "a file system that cannot be ID-mapped: owners inside are those on disk"
is "$(stat -c %u:%g "$ram/new") $(cat "$ram/new")" "7:8 n" "and the other way round"
is "$(run_with "[$(bind "$ram/of-1000" /file bind)]" 'stat -c %u:%F /file; cat /file; echo more >>/file' | tr '\n' ' ')" "1000:regular file user " "a file"
is "$(tr '\n' ' ' <"$ram/of-1000")" "user more " "can be written"
like "$(run_with "[$(bind "$ram" /v bind ro noexec nosuid)]" 'grep " /v " /proc/self/mountinfo; touch /v/x; mount -o remount,bind,rw /v; touch /v/x')" ' ro,nosuid,nodev,noexec' "options of the mount"
[ ! -e "$ram/x" ]; is $? 0 "a read-only one stays that"
for src in "$vol" "$work/owned"; do # what the host shows read-only: served or ID-mapped, and as it is
	mkdir -p "$work/shown" "$work/owned"; chown 100000:100000 "$work/owned"
	mount --bind "$src" "$work/shown"; mount -o remount,bind,ro,noexec "$work/shown"
	like "$(run_with "[$(bind "$work/shown" /v bind rw)]" 'grep " /v " /proc/self/mountinfo; touch /v/x')" 'Read-only file system' "read-only on the host is read-only inside (${src##*/})"
	[ ! -e "$src/x" ]; is $? 0 "and nothing was made"
	umount "$work/shown"
done
mkdir -p "$ram/sub/under"; mount -t tmpfs none "$ram/sub/under"
fails "\"$ram/sub/under\" .*bind-recursive" "what is mounted below is not left out without a word" run_with "[$(bind "$ram" /v rbind)]"
ok "but if it was not asked for" run_with "[$(bind "$ram" /v bind)]"
umount "$ram/sub/under"
is "$(run_with "[$(bind "$vol" /v bind shiftfs)]" 'stat -c %u /v/of-1000; grep " /v " /proc/self/mountinfo | grep -c " - fuse.shiftfs "' | tr '\n' ' ')" "1000 1 " "the option \"shiftfs\" asks for it"
own='{"source": "'$ram'", "destination": "/v", "type": "bind", "options": ["bind"],
	"uidMappings": [{"containerID": 1000, "hostID": 100000, "size": 10}], "gidMappings": [{"containerID": 1000, "hostID": 100000, "size": 10}]}'
is "$(run_with "[$own]" 'stat -c %u:%g /v/of-root /v/of-1000' | tr '\n' ' ')" "65534:65534 0:0 " "a mapping of the mount's own"
is "$(run_with "[$(bind "$ram" /v bind)]" 'cd /v/sub && echo a >a && ln a b && mkfifo p && ln -s a l && mv a c && stat -c "%h %n" b && cat l 2>/dev/null || cat b; rm b p l c; chmod 2775 . && mkdir d && stat -c %a d; rmdir d; chmod 755 .' | tr '\n' ' ')" \
	"2 b a 2755 " "ordinary work"

### A server that is killed
mkdir -m 777 "$vol/open"; echo kept >"$vol/open/file"
mkdir -m 777 "$vol/killed" "$ram/killed"; touch "$ram/killed/secret"
run_with "[$(bind "$vol/killed" /v bind shiftfs), $(bind "$ram/killed" /w bind hide=secret), $(bind "$vol/open" /x bind ro shiftfs)]" \
	'exec 3>/v/log 4>/w/log 5</x/file; cd /v; for i in $(seq 150); do echo $i >&3 && echo $i >&4 || echo bad; mkdir d && echo $i >d/f && mv d/f f && rmdir d && rm f || echo bad; [ ! -e /w/secret ] && ! touch /x/no 2>/dev/null || echo bad; usleep 10000; done; cat <&5; echo done' >"$work/killed" 2>&1 &
victim=$!
runs=$((runs + 1))
ok "three mounts have one server" eventually 30 n_servers 1 "$(cname "s$runs")"
for i in 1 2 3 4; do
	sleep 0.3
	kill -KILL "$(servers | grep -v keeper | awk '{ print $1; exit }')" || fail "kill $i"
done
wait $victim
is "$(tr '\n' ' ' <"$work/killed")" "kept done " "their server is killed again and again, and the container notices nothing"
is "$(tr '\n' ' ' <"$vol/killed/log")$(tr '\n' ' ' <"$ram/killed/log")" "$(seq -s ' ' 150) $(seq -s ' ' 150) " "everything was written once"
ok "no server is left" eventually 5 no_servers
rm -r "${vol:?}/killed" "${ram:?}/killed"

### Times of access
have idmap || skip idmap "times of access" # a kernel that cannot change a mount by its descriptor
for times in $(! have idmap || echo noatime strictatime); do
	echo x >"$vol/read"; touch -ad @4000000000 "$vol/read"
	ok "a volume is read with $times" run_with "[$(bind "$vol" /v bind shiftfs $times)]" 'cat /v/read'
	is "$(stat -c %X "$vol/read" | sed '/^4000000000$/!s/.*/now/')" "$([ $times = noatime ] && echo 4000000000 || echo now)" "which is so for the file"
done
rm -f "$vol/read"

### What is not served, also where the policy has been switched off
echo '{ "enhancedContainerIsolation": { "value": false } }' >"$work/off.json"
for src in /proc /sys /dev; do
	CLOISTER_SETTINGS=$work/off.json fails 'does not serve' "$src is not" run_with "[$(bind $src /v bind shiftfs)]"
done
mkdir "$work/p"; mount -t proc proc "$work/p"; on_exit umount -q "$work/p"
CLOISTER_SETTINGS=$work/off.json fails 'cannot' "nor another procfs, unasked" run_with "[$(bind "$work/p" /v bind)]"
umount "$work/p"
python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$ram/sock"
fails '*' "a socket" run_with "[$(bind "$ram/sock" /v bind)]"
rm "$ram/sock"

### As a user, and without some names
echo secret >"$vol/closed"; chmod 600 "$vol/closed"
out=$(run_with "[$(bind "$vol" /v bind as=daemon)]" 'stat -c %u:%g /v /v/of-1000 | sort -u; cat /v/closed; cat /v/of-root; echo x >>/v/of-root; cp /bin/busybox /v/open/s; chmod 4755 /v/open/s; grep " /v " /proc/self/mountinfo')
like "$out" '^0:0$' "as=: everything is the container's root's"
unlike "$out" '^secret$' "and root inside reads nothing that the user may not"
like "$out" '^root$' "only what the user may"
is "$(cat "$vol/of-root")" root "and writes nothing"
is "$(stat -c '%u:%g %a' "$vol/open/s")" "$(id -u daemon):$(id -g daemon) 4755" "what it makes is the user's outside: no suid root"
like "$out" ' rw,nosuid,nodev,.* - fuse.shiftfs ' "suid bits have no effect inside"
rm "$vol/open/s"
out=$(run_with "[$(bind "$vol" /v bind shiftfs), $(bind "$vol" /w bind as=daemon)]" 'cat /v/closed; echo then; cat /w/closed')
is "$(sed -n '/^then/q;p' <<<"$out") $(grep -c '^secret$' <<<"$out")" "secret 1" "nor beside a mount with root's rights"
mkdir -p "$work/theirs" "$work/shut/pub"; chown daemon "$work/theirs"; echo behind >"$work/shut/pub/f"; chmod 700 "$work/shut"
ln -s "$work/shut/pub" "$work/theirs/to-shut"; ln -s "$vol" "$work/theirs/to-open"
fails 'cannot reach' "a link that the user may have put there leads to nothing that is closed to them" launch --rootfs "$root" -v "$work/theirs/to-shut:/v:as=daemon" -- cat /v/f
is "$(launch --rootfs "$root" -v "$work/shut/pub:/v:as=daemon" -- cat /v/f)" behind "what is named without a link is what the caller wants"
is "$(launch --rootfs "$root" -v "$work/theirs/to-open:/v:as=daemon" -- cat /v/of-root)" root "a link to what they reach is followed"
fails 'cannot reach' "mount.shiftfs: the same" "$top_builddir/shiftfs-fallback/mount.shiftfs" "$work/theirs/to-shut" "$work/shut" -o as=daemon
fails 'no such user' "an unknown user" run_with "[$(bind "$vol" /v bind as=nobody-knows)]"
fails 'other than root' "root is none" run_with "[$(bind "$vol" /v bind as=root)]"
is "$(launch --name "$(cname s)" --rootfs "$root" -v "$vol:/v:ro,as=daemon,hide=closed" -- sh -c 'ls /v; cat /v/of-root; touch /v/open/x 2>/dev/null || echo ro' | tr '\n' ' ')" \
	"of-1000 of-65534 of-root open sub root ro " "hide=, as options of --volume"
fails 'options are' "an unknown option of --volume" launch --rootfs "$root" -v "$vol:/v:nosuch" -- true
fails 'cannot be that' "an unknown cache mode" run_with "[$(bind "$vol" /v bind cache=often)]"
like "$(launch --name "$(cname s)" --rootfs "$root" -v "$ram:/v:cache=strict" -- sh -c 'cat /v/of-root')" root "cache= as an option of --volume"

### A root file system
mkdir "$root/suid"; cp "$root/bin/busybox" "$root/suid/id"; chown 1000:1000 "$root/suid/id"; chmod 4755 "$root/suid/id"
is "$(run_with '[]' 'stat -c %u:%g / /bin/busybox; grep -c " / / .* - fuse.shiftfs " /proc/self/mountinfo; mkdir /made; chown 5:6 /made; mkdir -p /mnt/t && mount -t tmpfs t /mnt/t && echo mounted; /suid/id -u; cat /etc/passwd | head -n 1' always | tr '\n' ' ')" \
	"0:0 0:0 1 mounted 1000 root:x:0:0:root:/root:/bin/sh " "a container's root on shiftfs"
is "$(stat -c %u:%g "$root/made")" 5:6 "owners on disk"
rm -r "$root/made" "$root/suid"; rmdir "$root/mnt/t"
is "$(run_with "[$(bind "$vol" /mnt/not/there rbind rw)]" 'stat -c %u /mnt/not/there/of-1000; touch /x 2>&1' always read-only | tr '\n' ' ')" \
	"1000 touch: /x: Read-only file system " "read-only, with mount points that have to be made"
rm -r "$root/mnt/not"
chown -R 100000:100000 "$root"
is "$(run_with '[]' 'stat -c %u:%g /; grep -c " / / .*fuse.shiftfs" /proc/self/mountinfo' always | tr '\n' ' ')" "0:0 0 " "a tree that the container's range owns is used as it is"
chown -R 0:0 "$root"
if have overlay; then
	mkdir "$work"/{lower,upper,wd,merged}; cp -a "$root/." "$work/lower/"
	mount -t overlay o -o "lowerdir=$work/lower,upperdir=$work/upper,workdir=$work/wd" "$work/merged"; on_exit umount -q "$work/merged"
	plain=$root root=$work/merged
	# Linux before 5.11 has no overlays of a user namespace's own.
	inner="echo low" what="an overlay"
	if unshare -Urm sh -c "cd $work/upper && mount -t tmpfs t . && cd . && cd $work/upper && mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w m m" 2>/dev/null; then
		what="an overlay, with an overlay on top inside"
		inner='mkdir -p /o/l /o/u /o/w /o/m; mount -t tmpfs t /o/u && mkdir /o/u/u /o/u/w && echo low >/o/l/f && mount -t overlay i -o lowerdir=/o/l,upperdir=/o/u/u,workdir=/o/u/w /o/m && cat /o/m/f'
	fi
	is "$(run_with '[]' "echo new >/new; rm /etc/group; chown 3:4 /new; stat -c %u:%g /new; $inner" always | tr '\n' ' ')" "3:4 low " "$what"
	is "$(stat -c %u:%g "$work/upper/new") $(stat -c %F "$work/upper/etc/group")" "3:4 character special file" "its upper layer has the right owners"
	root=$plain
	umount "$work/merged"
fi

### Servers: where they are, and their end
id=$(cname life)
bundle_with "[$(bind "$ram" /v bind), $(bind "$vol" /w bind as=daemon)]" 'while :; do sleep 1; done' always
cloister create --bundle "$bundle" "$id" </dev/null >"$work/log" 2>&1 && cloister start "$id" || diag "$(cat "$work/log")"
ok "one server for what root serves, and one for a user" eventually 10 n_servers 2 "$id"
is "$(for p in $(servers "$id" | awk '{ print $1 }'); do awk '$1 == "Uid:" { printf "%s ", $5 } $1 == "CapPrm:" { printf "%s ", $2 }' "/proc/$p/status"; stat -Lc %d "/proc/$p/fd/"* 2>/dev/null | grep -cx "$(stat -c %d "$ram")"; done | awk '{ print $1, ($2 == 0), ($3 > 0) }' | sort -n | tr '\n' ' ')" \
	"0 0 1 $(id -u daemon) 1 0 " "who has no capability, and nothing of what root serves"
status=$(cloister status "$id")
like "$status" ' / +shiftfs .*\(FUSE: asked for\)' "status says which way the root went, and why"
like "$status" ' /w +shiftfs .*\(FUSE: with the rights of a user\)' "and a volume"
like "$status" ' shiftfs +pid [0-9]+ .* memory [1-9].* serves /, /v$' "and their servers among the helpers, with what each serves"
is "$(cloister status --json "$id" | json 'sorted([h["mounts"] for h in d["helpers"] if h["name"] == "shiftfs"])')" '[["/", "/v"], ["/w"]]' "also as JSON"
pid=$(servers "$id" | awk '{ print $1; exit }')
like "$(cat "/proc/$pid/cgroup")" "cloister:helpers:$id:" "they are in the helpers' cgroup"
init=$(cloister state "$id" | json 'd["pid"]')
isnt "$(readlink "/proc/$pid/ns/mnt")" "$(readlink "/proc/$init/ns/mnt")" "and not inside"
is "$(readlink "/proc/$pid/ns/mnt")" "$(readlink /proc/self/ns/mnt)" "but where they were started"
ok "a command finds everything" cloister exec "$id" sh -c 'cat /v/of-1000 && stat -c %u / | grep -x 0'
cloister delete --force "$id"
ok "they end with the container" eventually 5 no_servers "$id"
cloister create --bundle "$bundle" "$id" </dev/null >"$work/log" 2>&1 && cloister start "$id" || diag "$(cat "$work/log")"
kill -9 "$(cloister state "$id" | json 'd["pid"]')"
ok "or with its first process" eventually 10 no_servers "$id"
cloister delete --force "$id"
cloister create --bundle "$bundle" "$id" </dev/null >"$work/log" 2>&1 && cloister start "$id" || diag "$(cat "$work/log")"
for p in $(family 'cloister-.*'); do kill -9 "$p"; done
cloister delete --force "$id"
ok "also if all other helpers died" eventually 10 no_servers "$id"
is "$(find "$root" ! -uid 0 -o ! -gid 0)" "" "nothing of the root changed its owner"
umount "$ram"
done_testing
