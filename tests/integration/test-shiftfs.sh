#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shiftfs: a directory with other owners is right as a file system, coherent, and cannot be escaped.
TEST_LANES=files
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
export SHIFTFS_SEED=${SHIFTFS_SEED-20261122} # the same operations each time; empty: others each time
gate root; gate fuse; gate tool-python3; gate tool-setfacl; gate tool-setcap
shiftfs=$top_builddir/shiftfs-fallback/shiftfs
backing=$work/backing view=$work/view outside=$work/outside
mkdir "$backing" "$view" "$outside" "$work/plain"
chmod 755 "$work"

serve() { # SOURCE TARGET OPTION…
	"$top_builddir/tests/lib/shift-mount" "$1" "$2" "$shiftfs" "${@:3}" >"$work/pid" 2>"$work/log" || { cat "$work/log"; return 1; }
}
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
unserve() { umount "$1" && eventually 5 gone "$(cat "$work/pid")" && cat "$work/log" && [ ! -s "$work/log" ]; }
owner() { stat -c %u:%g "$1"; }
cleanup() { umount -l "$view" "$work/merged" "$work/plain-merged" 2>/dev/null; }
on_exit cleanup
map="0:100000:65536"
steps=${SHIFTFS_STEPS:-4000} # a machine in a machine takes fewer

### Bad options
fails 1 "no options are refused" "$shiftfs"
fails 'no ids are mapped' "and none about ids" "$shiftfs" --source-fd 0 --fuse-fd 0
for bad in 0:0 0:0:0 x:0:1 0:0:1:1 4294967295:0:1; do
	fails 'bad argument' "the map $bad is refused" "$shiftfs" --map $bad
done
fails 'bad argument' "overlapping ranges are refused" "$shiftfs" --map $map --map 65535:0:1
fails 'descriptor' "a closed descriptor is refused" "$shiftfs" --map $map --source-fd 77 --fuse-fd 78

### Owners
chown 100000:100000 "$backing"
ok "a view is served" serve "$backing" "$view" --map $map --coherent
like "$(grep " $view " /proc/self/mountinfo)" 'fuse.shiftfs' "it is mounted"
is "$(owner "$view")" 0:0 "the container's root is shown as root"
touch "$view/f"
is "$(owner "$backing/f")" 100000:100000 "what root makes belongs to the container's root"
setpriv --reuid 1000 --regid 1001 --clear-groups touch "$view/f" 2>/dev/null
chmod 1777 "$view"
for make in 'touch F' 'mkdir F' 'ln -s x F' 'mkfifo F'; do
	setpriv --reuid 1000 --regid 1001 --clear-groups ${make/F/$view/made}
	is "$(owner "$backing/made")" 101000:101001 "${make/ F/} by another user belongs to that user"
	rm -r "$view/made"
done
chown 65535:7 "$view/f"
is "$(owner "$backing/f")" 165535:100007 "chown is translated"
fails 'too large' "chown to an id without an image is refused" chown 65536 "$view/f"
fails 'too large' "chgrp too" chgrp 65536 "$view/f"
is "$(owner "$backing/f")" 165535:100007 "and nothing is changed"
fails 'too large' "a user without an image makes nothing" setpriv --reuid 70000 --regid 0 --clear-groups touch "$view/nobody"
touch "$backing/hosts"
is "$(owner "$view/hosts")" 65534:65534 "an owner without an image is shown as the overflow id"
fails '*' "such a file cannot be written" sh -c "echo x >>$view/hosts"
fails '*' "nor removed" rm -f "$view/hosts"
rm "$backing/hosts"

### A change of owner that names nobody
python=$(python3 -c 'import sys; print(sys.executable)')
[ ! -x /usr/bin/python3 ] || python=/usr/bin/python3 # that users may execute
names_nobody() { setpriv --reuid "$1" --regid "$1" --clear-groups "$python" -c "import os; os.chown('$view/suid', -1, -1)"; }
touch "$view/suid"; chown 1000:1000 "$view/suid"
for by in 0 1000; do
	chmod 6755 "$view/suid"
	ok "a chown that names nobody, by $by" names_nobody $by
	is "$(stat -c %a "$view/suid" "$backing/suid" | tr '\n' ' ')" "755 755 " "takes suid bits"
done
chmod 6755 "$view/suid"; names_nobody 1001
is "$(stat -c %a "$view/suid" "$backing/suid" | tr '\n' ' ')" "6755 6755 " "not those of somebody else's file"
rm "$view/suid"; mkfifo "$view/suid"; chmod 6755 "$view/suid"
fails 'not permitted' "of somebody else's pipe nobody can ask that" names_nobody 1001
rm "$view/suid"

### ACLs and capabilities
setfacl -m u:1000:rwx,g:33:r "$view/f"
like "$(getfacl -npc "$backing/f" | tr '\n' ' ')" 'user:101000:rwx .*group:100033:r--' "an ACL is translated when it is set"
like "$(getfacl -npc "$view/f" | tr '\n' ' ')" 'user:1000:rwx .*group:33:r--' "and when it is read"
ok "and is effective" setpriv --reuid 1000 --regid 1000 --clear-groups sh -c "echo x >>$view/f"
fails '*' "for whom it names only" setpriv --reuid 1002 --regid 1000 --clear-groups sh -c "echo x >>$view/f"
fails '*' "an ACL with an id without an image is refused" setfacl -m u:70000:r "$view/f"
setfacl -m u:5:rwx "$backing/f"
unlike "$(getfacl -npc "$view/f")" 'user:(5|65534|-1|4294967295):' "one in the backing is left out"
like "$(getfacl -npc "$view/f" | tr '\n' ' ')" 'user:1000:rwx' "and the others are there"
mkdir "$view/acls"; setfacl -d -m u:1000:rwx "$view/acls"
(umask 077; touch "$view/acls/new"; mkdir "$view/acls/dir")
like "$(getfacl -npc "$backing/acls/new" | tr '\n' ' ')" 'user:101000:rwx' "a default ACL is inherited, and not masked"
like "$(getfacl -npc "$backing/acls/dir" | tr '\n' ' ')" 'default:user:101000:rwx' "by directories too"
cp /bin/true "$view/prog"
ok "capabilities are set" setcap cap_net_raw+ep "$view/prog"
like "$(getcap -n "$backing/prog")" 'cap_net_raw=ep \[rootid=100000\]' "for the container's root user"
like "$(getcap -n "$view/prog")" 'cap_net_raw=ep$' "and shown as root's own"
setcap cap_net_raw+ep "$backing/prog"
is "$(getcap -n "$view/prog")" "" "those that the host's root gave are not shown"

### Coherence
echo one >"$backing/changing"; chown 100000:100000 "$backing/changing"
is "$(cat "$view/changing")" one "a file made in the backing is seen"
for i in 1 2 3 4 5; do
	echo "text $i" >"$backing/changing"
	[ "$(cat "$view/changing")" = "text $i" ] || fail "text $i is seen at once"
	mv "$backing/changing" "$backing/renamed"
	[ ! -e "$view/changing" ] && [ "$(cat "$view/renamed")" = "text $i" ] || fail "rename $i is seen at once"
	mv "$backing/renamed" "$backing/changing"
	[ -e "$view/changing" ] || fail "rename $i back is seen at once"
	chmod $((600 + i)) "$backing/changing"
	[ "$(stat -c %a "$view/changing")" = $((600 + i)) ] || fail "mode $i is seen at once"
done
pass "changes in the backing are seen at once"
exec 8>>"$view/log8" 9>>"$backing/log8"
for i in 1 2 3 4 5 6 7 8 9; do echo "v$i" >&8; echo "b$i" >&9; done
exec 8>&- 9>&-
is "$(tr '\n' ' ' <"$view/log8")" "v1 b1 v2 b2 v3 b3 v4 b4 v5 b5 v6 b6 v7 b7 v8 b8 v9 b9 " "both append to one file"

### In use after it was removed
exec 7<>"$view/doomed"
echo before >&7
rm "$view/doomed"
echo after >&7
is "$(cat "/proc/self/fd/7" | tr '\n' ' ')" "before after " "a removed file can be used"
is "$(stat -Lc %h /proc/self/fd/7)" 0 "and has no links"
exec 7>&-
exec 7<"$view/acls"
rm -r "$view/acls"
is "$(ls /proc/self/fd/7/ 2>&1)" "" "a removed directory is empty"
fails '*' "and nothing can be made in it" touch /proc/self/fd/7/x
exec 7<&-

### Many and deep
files=$((steps * 5 / 2))
mkdir "$view/many"; chmod 777 "$view/many"
(cd "$view/many" && seq $files | xargs touch)
is "$(ls -f "$view/many" | sort -u | wc -l)" $((files + 2)) "$files files"
is "$(ls -U "$backing/many" | wc -l)" $files "are in the backing"
is "$(find "$view/many" -type f -printf '%i %p\n' | awk '{ print $1 }' | sort -u | wc -l)" $files "each has its number"
ok "they are removed while listed" rm -r "$view/many"
name=$(printf 'n%.0s' {1..255})
(cd "$view" && for ((i = 0; i < 60; i++)); do mkdir "$name" && cd "$name" || exit 1; done; echo deep >file)
is "$(cd "$view" && for ((i = 0; i < 60; i++)); do cd "$name" || exit 1; done; cat file)" deep "60 directories deep with names of 255 bytes"
ok "and they are removed" rm -r "${view:?}/$name"
fails 'too long' "names of 256 bytes are refused" touch "$view/${name}n"

### Tools
mkdir "$work/tree" && cp -a "$top_srcdir/src" "$top_srcdir/tests" "$work/tree/" && ln "$work/tree/src/lib/fd.c" "$work/tree/hard"
ln -s nowhere "$work/tree/dangling"; mkfifo "$work/tree/pipe"; truncate -s 20M "$work/tree/sparse"
chown -R 1000:1001 "$work/tree/src/lib"; setfattr -n user.note -v x "$work/tree/src/lib/fd.c"; chown -h 5:6 "$work/tree/dangling"
packed() {
	tar -C "$1" --sort=name --xattrs --acls --format=posix \
		--pax-option='delete=[ac]time,exthdr.name=%d/PaxHeaders/%f,globexthdr.name=global' -cf - . | sha256sum
}
ok "cp -a" cp -a "$work/tree" "$view/tree"
is "$(packed "$view/tree")" "$(packed "$work/tree")" "a copied tree is packed to the same archive"
is "$(owner "$backing/tree/src/lib/fd.c")" 101000:101001 "with shifted owners in the backing"
mkdir "$view/untar"
tar -C "$work/tree" --xattrs --acls --sparse -cf - . | tar -C "$view/untar" --xattrs --acls --numeric-owner -xpf -
is "$(packed "$view/untar")" "$(packed "$work/tree")" "an unpacked tree is, too"
below "$(stat -c %b "$view/untar/sparse")" 100 "holes stay holes"
rm -r "$view/tree" "$view/untar"

### The same operations, by several users, in a plain directory and in the view
chmod 777 "$work/plain"; mkdir "$view/diff"; chmod 777 "$view/diff"
ok "$steps random operations have the same results" \
	python3 "$tests_lib/shift-diff.py" "$work/plain" "$view/diff" --source "$backing/diff" --no-fsetid --steps $steps
rm -r "$view/diff"; rm -r "$work/plain"; mkdir -m 777 "$work/plain"

### A hostile container swaps what names mean
echo outside >"$outside/secret"; chmod 755 "$outside"
mkdir -m 777 "$backing/war"; chown 100000:100000 "$backing/war"
"$top_builddir/tests/lib/shift-attack" "$backing/war" "$outside" 6 &
attacker=$!
sleep 0.3
ok "under attack no file outside is reached, and no request hangs" python3 "$tests_lib/shift-victim.py" "$view/war" 4
kill $attacker 2>/dev/null; wait $attacker 2>/dev/null
is "$(cat "$outside/secret")" outside "the file outside is as it was"
is "$(ls "$outside")" secret "and nothing was made beside it"
unlike "$(ls -l "/proc/$(cat "$work/pid")/fd")" '/dev/(tty|console)|pipe-form|outside' "the server holds nothing of it"
ok "and answers" ls "$view"
mkdir "$backing/mnt"; mount -t tmpfs t "$backing/mnt"; touch "$backing/mnt/covered"
is "$(ls "$view/mnt")" "" "what is mounted on the backing later is not shown"
umount "$backing/mnt"
ok "it is unmounted, and the server ends" unserve "$view"
rm -r "${backing:?}"/*

### Locks
for options in "" --no-passthrough; do
	# shellcheck disable=SC2086
	ok "served ($options)" serve "$backing" "$view" --map $map $options
	ok "locks exclude each other on the mount and in the directory" python3 "$tests_lib/shift-locks.py" "$view" "$backing"
	ok "unmounted" unserve "$view"
done
ok "served without shared locks" serve "$backing" "$view" --map $map --locks mount
fails 'shared' "they are the mount's own" python3 "$tests_lib/shift-locks.py" "$view" "$backing"
ok "unmounted" unserve "$view"
rm -r "${backing:?}"/*

### Without --coherent
ok "a view that remembers for a second is served" serve "$backing" "$view" --map $map
echo x >"$view/suid"; setcap cap_net_raw+ep "$view/suid"; chmod 6777 "$view/suid"
echo y >>"$view/suid"
is "$(stat -c %a "$view/suid" "$backing/suid" | tr '\n' ' ')$(getcap "$view/suid")" "6777 6777 " "root's write takes capabilities, not suid bits"
setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps +fsetid --ambient-caps +fsetid truncate -s 1 "$view/suid"
if [ "$(uname -r | awk -F. '{ print $1 * 100 + $2 }')" -ge 511 ]; then
	is "$(stat -c '%a %s' "$view/suid")" "6777 1" "who has CAP_FSETID truncates without taking them"
else
	skip fuse-killpriv "who has CAP_FSETID truncates without taking them" # the kernel does not tell who has it
fi
setpriv --reuid 1000 --regid 1000 --clear-groups truncate -s 2 "$view/suid"
is "$(stat -c '%a %s' "$view/suid")" "777 2" "who has not takes them"
rm "$view/suid"
mkdir "$view/diff"; chmod 777 "$view/diff"
ok "$steps random operations have the same results" \
	python3 "$tests_lib/shift-diff.py" "$work/plain" "$view/diff" --source "$backing/diff" --no-fsetid --steps $steps
rm -r "$view/diff"; rm -r "$work/plain"; mkdir -m 777 "$work/plain"
mkdir "$view/diff"; chmod 777 "$view/diff"
seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
diag "a new seed: SHIFTFS_SEED=$seed"
ok "so have $((steps / 8)) others, of a seed that nobody has tried" \
	python3 "$tests_lib/shift-diff.py" "$work/plain" "$view/diff" --source "$backing/diff" --no-fsetid --steps $((steps / 8)) --seed "$seed"
rm -r "$view/diff"; rm -r "$work/plain"; mkdir -m 777 "$work/plain"
echo one >"$view/x"; echo two >"$backing/x"; sleep 1.1
is "$(cat "$view/x")" two "a change is seen after that second"
mkdir "$backing/l"; touch "$backing/l/one"; touch -d @5 "$backing/l"; sleep 0.1; ls "$view/l" "$view/l" >/dev/null
touch "$backing/l/two"; touch -d @5 "$backing/l"; sleep 1.1
is "$(ls "$view/l" | tr '\n' ' ')" "one two " "so is a listing, though the time of change was set back"
ok "unmounted" unserve "$view"

### A listing is remembered where nobody else lists the directory meanwhile, who may have seen it before a change
ok "a view that remembers for long is served" serve "$backing" "$view" --map $map --timeout 600 --no-io-uring # requests are counted by read(2)
mkdir "$backing/names"; (cd "$backing/names" && seq 3000 | xargs touch)
requests() { awk '/^syscr/ { print $2 }' "/proc/$(cat "$work/pid")/io"; } # and a few other calls
listing() { local before; before=$(requests); ls -f "$view/names" >/dev/null; echo $(($(requests) - before)); }
remembered() { [ "$(listing)" -lt 10 ]; }
ok "a listing is remembered" eventually 10 remembered
exec 7<"$view/names"
fails '*' "not while somebody else has the directory open" remembered
exec 7<&-
ok "and again afterwards" eventually 10 remembered
rm -r "${backing:?}/names"

### Who looks at the first names of a directory and lists it then is told of attributes once
mkdir "$backing/peeked"; (cd "$backing/peeked" && touch $(seq 300)); chown -R 100000:100000 "$backing/peeked"
sleep 0.2 # a directory that was just changed is not remembered
peek() { # prints how many requests that takes, and a mode that was changed in the source meanwhile
	"$python" - "$view/peeked" "$backing/peeked" "$(cat "$work/pid")" <<-'E'
		import os, sys
		view, backing, pid = sys.argv[1:]
		def requests(): return int(open("/proc/%s/io" % pid).read().split("syscr: ")[1].split()[0])
		before = requests()
		with os.scandir(view) as names: first = next(names).name
		os.chmod(backing + "/" + first, 0o600)
		wrong = [n for n in os.listdir(view) if os.lstat(view + "/" + n).st_uid != 0]
		print(requests() - before < 40, len(wrong), oct(os.lstat(view + "/" + first).st_mode & 0o777))
	E
}
is "$(peek)" "True 0 0o644" "no name is asked for, and none told of twice"
rm -r "${backing:?}/peeked"

### What is removed is what has the name now, not what the view remembers by it: that lives elsewhere
mkdir -p "$view/p/moved" "$view/q"; echo x >"$view/p/moved/file"
for how in rmdir "mv -T $view/q/empty"; do
	mkdir -p "$view/q/empty"
	exec 7<"$view/p/moved"
	mv "$backing/p/moved" "$backing/q/lives"; mkdir "$backing/p/moved"; chown 100000:100000 "$backing/p/moved"
	# shellcheck disable=SC2086
	ok "${how%% *}: a directory that took another's place goes" $how "$view/p/moved"
	is "$(ls -i "$backing/p")" "$(ls -i "$view/p")" "${how%% *}: and the view knows what is there"
	is "$(cat "$view/q/lives/file")" x "${how%% *}: the other one is not taken for removed"
	ok "${how%% *}: and can be written" touch "$view/q/lives/new"
	exec 7<&-
	rmdir "$view/p/moved" 2>"$work/null"; mv "$view/q/lives" "$view/p/moved"
done
mkdir "$view/q/one" "$view/q/two"
ok "what was renamed is removed" sh -c "cd $view/q && mv one three && rmdir three && mv two three && mv -T three two && rmdir two"
rm -r "${view:?}/p" "$view/q"

### What others put in the place of what was just made is no I/O error
if have tool-strace; then
	server=$(cat "$work/pid")
	traced() { ! grep -q '^TracerPid:.0' "/proc/$server/task/"*/status; }
	for make in mkdir "ln -s x" mkfifo; do
		strace -qq -f -o "$work/strace" -p "$server" -e trace=mkdirat,symlinkat,mknodat -e inject=mkdirat,symlinkat,mknodat:delay_exit=15000000 </dev/null >/dev/null 2>&1 &
		strace=$!
		eventually 5 traced || fail "strace attaches"
		# shellcheck disable=SC2086
		$make "$view/made-${make%% *}" >"$work/said" 2>&1 &
		making=$!
		eventually 10 test -e "$backing/made-${make%% *}" -o -L "$backing/made-${make%% *}" || fail "${make%% *}: it is made"
		rm -r "$backing/made-${make%% *}"; echo x >"$backing/made-${make%% *}"
		kill -9 $strace; wait $strace 2>"$work/null"; wait $making
		like "$(cat "$work/said")" 'File exists' "${make%% *}: a file that others put in its place"
	done
	rm "$backing"/made-*
else
	skip tool-strace "what others put in the place of what was just made"
fi
ok "unmounted" unserve "$view"

### Without passthrough, where root keeps suid bits when it writes
ok "served" serve "$backing" "$view" --map $map --no-passthrough
mkdir "$view/diff"; chmod 777 "$view/diff"
ok "$steps random operations have the same results" \
	python3 "$tests_lib/shift-diff.py" "$work/plain" "$view/diff" --source "$backing/diff" --steps $steps
rm -r "$view/diff"; rm -r "$work/plain"; mkdir -m 777 "$work/plain"
ok "unmounted" unserve "$view"

### Few descriptors
ok "a view that shall remember 1000 inodes is served" serve "$backing" "$view" --map $map --coherent --inodes 1000
files=$((steps * 5 > 3000 ? steps * 5 : 3000))
mkdir "$backing/many"; (cd "$backing/many" && seq $files | xargs touch)
exec 7<"$backing/many/1" 8<"$view/many/2"
is "$(find "$view/many" -type f -printf '%s\n' | wc -l)" $files "$files files are looked at"
held() { find "/proc/$(cat "$work/pid")/fd" -mindepth 1 | wc -l; }
# The protocol has no other sign of it that a shell could see.
if [ "$(uname -r | awk -F. '{ print $1 * 100 + $2 }')" -ge 618 ]; then
	below "$(held)" 3000 "with a bounded number of descriptors"
else
	skip fuse-prune "with a bounded number of descriptors"
fi
is "$(stat -Lc %i /proc/self/fd/8)" "$(stat -c %i "$backing/many/2")" "what is open is kept"
exec 7<&- 8<&-
rm -r "${backing:?}/many"
ok "unmounted" unserve "$view"

### An overlay, as the root of a container is one
cd "$work" || exit 99
mkdir lower plain-lower upper wd merged plain-upper plain-wd plain-merged
for l in lower plain-lower; do
	mkdir -p $l/a/b $l/c; echo hello | tee $l/d $l/a/e >$l/a/b/c; ln $l/d $l/c/d; chmod 777 $l $l/a
done
chown -R 100000:100000 lower upper; chmod 777 upper plain-upper
if mount -t overlay o -o lowerdir=lower,upperdir=upper,workdir=wd merged 2>/dev/null &&
	mount -t overlay o -o lowerdir=plain-lower,upperdir=plain-upper,workdir=plain-wd plain-merged; then
	ok "a view of an overlay is served" serve "$work/merged" "$view" --map $map --coherent
	echo changed >"$view/d"
	is "$(cat "$view/c/d") $(cat merged/c/d) $(cat merged/d)" "hello hello changed" "one link of a lower file is changed alone"
	echo hello >"$view/d"; rm "$view/d" "$view/c/d"; rm plain-merged/d plain-merged/c/d
	# an overlay clears S_ISGID when an ACL is removed, and FUSE does not tell for whom
	ok "$steps random operations have the same results" \
		python3 "$tests_lib/shift-diff.py" "$work/plain-merged" "$view" --source "$work/merged" --no-fsetid --ignore removexattr --steps $steps
	ok "unmounted" unserve "$view"
	ok "and the overlay is free" eventually 5 umount merged
	umount plain-merged
else
	skip tool-overlay "a view of an overlay"
fi
cd / || exit 99
done_testing
