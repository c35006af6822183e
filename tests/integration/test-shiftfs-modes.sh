#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shiftfs in the modes in which the kernel translates ids, as a container sees it; hidden names.
TEST_LANES=files
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
export SHIFTFS_SEED=${SHIFTFS_SEED-20261122} # the same operations each time; empty: others each time
gate root; gate fuse; gate userns; gate tool-python3; gate tool-setfacl; gate tool-setcap
shiftfs=$top_builddir/shiftfs-fallback/shiftfs
backing=$work/backing view=$work/view
mkdir "$backing" "$view" "$work/plain" "$work/native" "$work/mapped"
first=3000000000 # no container has it
chmod 755 "$work"; chown $first:$first "$work/plain"

steps=${SHIFTFS_STEPS:-4000} # a machine in a machine takes fewer

# A user namespace as a container has it.
unshare -U sleep infinity &
ns=$!
eventually 5 test "$(readlink /proc/$ns/ns/user)" != "$(readlink /proc/self/ns/user)" || sleep 0.5
echo 0 $first 65536 >"/proc/$ns/uid_map"; echo 0 $first 65536 >"/proc/$ns/gid_map"
inside() { nsenter -t "$ns" -U -S 0 -G 0 -- "$@"; }
as() { local u=$1; shift; nsenter -t "$ns" -U -S 0 -G 0 -- setpriv --reuid "$u" --regid "$u" --clear-groups "$@"; }
serve() { # MODE OPTION…
	"$top_builddir/tests/lib/shift-mount" --userns $ns "$backing" "$view" "$shiftfs" --mode "$@" >"$work/pid" 2>"$work/log" || { cat "$work/log"; return 1; }
}
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
unserve() { umount "$view" && eventually 5 gone "$(cat "$work/pid")" && cat "$work/log" && [ ! -s "$work/log" ]; }
owner() { stat -c %u:%g "$1"; }
mapped() { # $work/native, as the container sees it
	"$top_builddir/shiftfs-fallback/mount.shiftfs" "$work/native" "$work/mapped" -t shiftfs -o idmap=0:$first:65536,allow_suid,allow_dev,fallback=never
}
cleanup() { umount -l "$view" "$work/fuse" "$work/mapped" 2>/dev/null; kill $ns 2>/dev/null; }
on_exit cleanup

fails 'by the kernel' "ids are not mapped twice" "$shiftfs" --source-fd 0 --fuse-fd 0 --mode a --map 0:1:1
for bad in d ab ''; do fails 'bad argument' "the mode '$bad' is refused" "$shiftfs" --mode "$bad"; done
fails 'bad argument' "an unknown cache is refused" "$shiftfs" --cache never

owners() { # MODE
	inside touch "$view/f"
	is "$(owner "$backing/f")" 0:0 "$1: what the container's root makes is root's in the backing"
	is "$(inside stat -c %u:%g "$view/f")" 0:0 "$1: and inside"
	inside chmod 1777 "$view"
	as 1000 mkdir "$view/d"; is "$(owner "$backing/d")" 1000:1000 "$1: what a user makes is that user's"
	inside chown 65535:7 "$view/f"; is "$(owner "$backing/f")" 65535:7 "$1: chown"
	fails 'Invalid argument' "$1: chown to an id outside of the namespace" inside chown 70000 "$view/f"
	fails '*' "$1: another user cannot remove it" as 1000 rm -f "$view/f"
	chown 70000 "$backing/d"; sleep 1.1
	is "$(inside stat -c %u "$view/d")" 65534 "$1: an id without an image is shown as the overflow id"
	fails '*' "$1: and not even root removes that" inside rmdir "$view/d"
	for way in "chown 0" "chown 65534" "chown 0:0" "chgrp 0" "chgrp 65534"; do
		# shellcheck disable=SC2086
		fails '*' "$1: nor takes it: $way" inside $way "$view/d"
	done
	chown 0:70000 "$backing/d"; chown 1000:70000 "$backing/f"; sleep 1.1
	fails 'not permitted' "$1: nor gives another group to what has one without an image" inside chgrp 5 "$view/d"
	ok "$1: its own it may" inside chgrp 0 "$view/d"
	fails 'not permitted' "$1: nor of somebody's" inside chgrp 1000 "$view/f"
	ok "$1: that user may" as 1000 chgrp 1000 "$view/f"
	is "$(owner "$backing/d") $(owner "$backing/f")" "0:0 1000:1000" "$1: no more than that was changed"
	rmdir "$backing/d"
	inside setfacl -m u:1001:rw,g:33:r "$view/f"
	like "$(getfacl -npc "$backing/f" | tr '\n' ' ')" 'user:1001:rw- .*group:33:r--' "$1: an ACL has the container's ids"
	ok "$1: it is effective" as 1001 sh -c "echo x >>$view/f"
	fails '*' "$1: for whom it names only" as 1002 sh -c "echo x >>$view/f"
	cp /bin/cat "$backing/cat"; inside setcap cap_net_raw+ep "$view/cat"
	like "$(getcap -n "$backing/cat")" 'cap_net_raw=ep$' "$1: capabilities are root's in the backing"
	like "$(as 1000 "$view/cat" /proc/self/status | grep CapEff)" '2000$' "$1: and effective inside"
	inside setcap -r "$view/cat"; inside chown 1234 "$view/cat"; inside chmod 4755 "$view/cat"
	like "$(as 1000 "$view/cat" /proc/self/status | grep Uid)" 'Uid:.1000.1234' "$1: so are suid bits"
	fails '*' "$1: trusted. attributes are not for the container" inside setfattr -n trusted.x -v y "$view/f"
	rm -f "$backing/f" "$backing/cat"
}

for mode in a c; do
	if ! serve $mode 2>"$work/why"; then
		[ $mode = c ] || fail "mode $mode is served: $(cat "$work/why" "$work/log")"
		skip fuse-idmap "mode $mode"
		continue
	fi
	pass "mode $mode is served"
	owners $mode
	# On ID-mapped mounts Linux 6.18 has S_ISGID cleared by an ACL that a member of the group sets: of the directory too.
	plain=$work/plain ignore=()
	if [ $mode = c ]; then
		ignore=(--no-callers)
		if mapped; then plain=$work/mapped; else ignore+=(--ignore setxattr); fi
	fi
	inside mkdir -m 777 "$view/diff"; inside mkdir -m 777 "$plain/diff"
	ok "$mode: $steps random operations of the container have the results of its own directory" \
		inside python3 "$tests_lib/shift-diff.py" "$plain/diff" "$view/diff" ${SHIFTFS_SEED:+--seed "$SHIFTFS_SEED"} --nodev "${ignore[@]}" --steps "$steps"
	if [ $mode = a ]; then fails '*' "a: the host's root is outside" ls "$view"; fi
	rm -rf "${backing:?}"/* "$plain/diff"
	ok "mode $mode: unmounted" unserve
done

### With a user's rights that user finds what there is in a directory of theirs, and may do the same
chown 1000:1000 "$backing"; mkdir "$work/plain/diff"; chown 1000:1000 "$work/plain/diff"
for options in "--cache strict" --no-passthrough; do
	# shellcheck disable=SC2086
	ok "as=: served ($options)" serve b --map 0:0:65536 --as 1000:1000:33 $options
	setpriv --reuid 1000 --regid 1000 --clear-groups mkdir "$view/diff"
	ok "as=: $((steps * 3 / 8)) random operations of the user have the same results" \
		python3 "$tests_lib/shift-diff.py" "$work/plain/diff" "$view/diff" ${SHIFTFS_SEED:+--seed "$SHIFTFS_SEED"} --user 1000 --steps $((steps * 3 / 8))
	ok "as=: unmounted" unserve
	rm -rf "${backing:?}"/* "${work:?}/plain/diff"/*
done
ok "as=, and an owner: served" serve b --as 1000:1000 --owner 0:0 --cache strict
for kind in regular pipe; do
	[ $kind = regular ] && touch "$backing/x" || mkfifo "$backing/x"
	chown 1000 "$backing/x"; chmod 6755 "$backing/x"
	ok "as=: root, who appears as the owner of a $kind, changes the owner to nobody" python3 -c "import os; os.chown('$view/x', -1, -1)"
	is "$(stat -c %a "$backing/x")" 755 "as=: that takes suid bits, as of one's own"
	chown 1001 "$backing/x"; chmod 6755 "$backing/x"
	python3 -c "import os; os.chown('$view/x', -1, -1)" 2>"$work/why"
	is "$(stat -c %a "$backing/x")" 6755 "as=: not those of what is another user's"
	rm "$backing/x"
done
ok "as=: unmounted" unserve
chown 0:0 "$backing"

### Hidden names
mkdir -p "$backing/a/b"; echo secret >"$backing/a/b/key"; echo open >"$backing/a/b/other"; echo top >"$backing/top"
fails 'Invalid' "a name to hide is needed" serve b --map 0:0:65536 --hide a/b/..
fails 'No such' "and a directory that it is in" serve b --map 0:0:65536 --hide none/key
ln -s a "$backing/link"
fails '*' "which is no symbolic link" serve b --map 0:0:65536 --hide link/b/key
ok "with hidden names" serve b --map 0:0:65536 --cache strict --hide /a/b/key --hide top --hide a/none
is "$(ls "$view/a/b") $(ls "$view" | tr '\n' ' ')" "other a link " "they are not listed"
for p in a/b/key a/b/../b/key link/b/key top; do fails 'No such' "$p is not there" cat "$view/$p"; done
for p in a/b/key top a/none; do
	fails 'not permitted' "$p cannot be made" sh -c "echo x >$view/$p"
	fails 'not permitted' "nor as a directory" mkdir "$view/$p"
	fails 'not permitted' "nor as a symbolic link" ln -s x "$view/$p"
	fails 'not permitted' "nor as a pipe" mkfifo "$view/$p"
	fails 'not permitted' "nor as a link" ln "$view/a/b/other" "$view/$p"
	fails 'not permitted' "nor by renaming" mv -T "$view/a/b/other" "$view/$p"
	fails 'No such' "nor removed" unlink "$view/$p"
	fails 'No such' "nor renamed" mv "$view/$p" "$view/a/x"
done
mv "$view/a/b" "$view/moved"
is "$(ls "$view/moved")" other "a directory that is renamed hides it still"
fails 'No such' "and under the new path" cat "$view/moved/key"
fails 'not empty' "it cannot be removed, because it is not empty" sh -c "rm $view/moved/other && rmdir $view/moved"
is "$(cat "$backing/moved/key" "$backing/top" | tr '\n' ' ')" "secret top " "what is hidden is as it was"
mkdir "$backing/a/b"; echo newer >"$backing/a/b/key"; echo beside >"$backing/a/b/other"
is "$(ls "$view/a/b") $(cat "$view/a/b/other")" "other beside" "another directory in its place hides it too"
fails 'No such' "under the path" cat "$view/a/b/key"
fails 'not permitted' "nothing is made there" sh -c "echo x >$view/a/b/key"
is "$(ls "$view/moved")" "" "and the old one hides it as before"
mv "$backing/a/b" "$backing/a/version"; ln -s version "$backing/a/b"
fails 'No such' "a symbolic link in its place leads to one that does" cat "$view/a/b/key"
fails 'No such' "also by its name" cat "$view/a/version/key"
mkdir "$view/mine"; mv "$view/a" "$view/away"; mkdir -p "$view/a/b"; echo newest >"$backing/a/b/key"
fails 'No such' "a path that was made through the mount hides what the host puts there" cat "$view/a/b/key"
ok "unmounted" unserve
# A file system on FUSE may know a thing by several names. Two links are such names, whatever it ignores.
mkdir -p "$work/lower/d" "$work/fuse"; echo secret >"$work/lower/d/key"; echo open >"$work/lower/d/other"
ln "$work/lower/d/key" "$work/lower/d/Alias"
below=$("$top_builddir/tests/lib/shift-mount" "$work/lower" "$work/fuse" "$shiftfs" --mode b --map 0:0:65536) || fail "a FUSE file system as source"
backing=$work/fuse
ok "a FUSE file system is served without names" serve b --map 0:0:65536 --cache strict --hide d/key --hide d/none
is "$(ls "$view/d")" other "other names of what is hidden are not listed"
fails 'No such' "nor there" cat "$view/d/Alias"
fails 'No such' "nor removed" unlink "$view/d/Alias"
fails 'No such' "nor renamed" mv "$view/d/Alias" "$view/d/x"
fails 'not permitted' "nor made anew" ln "$view/d/other" "$view/d/Alias"
fails 'not permitted' "nor renamed to" mv -T "$view/d/other" "$view/d/Alias"
fails 'not permitted' "nor is made what differs from a hidden name in case alone" sh -c "echo x >$view/d/NONE"
ok "others are" sh -c "echo x >$view/d/mine && mv $view/d/mine $view/d/yours && rm $view/d/yours"
ok "unmounted" unserve
umount "$work/fuse"; eventually 5 gone "$below"
done_testing
