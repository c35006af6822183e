#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shiftfs does what POSIX says of each call, as the directory itself does: on the host, and for a container.
TEST_LANES=files
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate fuse; gate userns; gate tool-python3
shiftfs=$top_builddir/shiftfs-fallback/shiftfs
backing=$work/backing view=$work/view plain=$work/plain
mkdir "$backing" "$view" "$plain" "$work/other"
first=3000000000 # no container has it
chmod 755 "$work"

unshare -U sleep infinity &
ns=$!
eventually 5 test "$(readlink /proc/$ns/ns/user)" != "$(readlink /proc/self/ns/user)" || sleep 0.5
echo 0 $first 65536 >"/proc/$ns/uid_map"; echo 0 $first 65536 >"/proc/$ns/gid_map"
inside() { nsenter -t "$ns" -U -S 0 -G 0 -- "$@"; }
serve() { # OPTION…
	"$top_builddir/tests/lib/shift-mount" --userns $ns "$backing" "$view" "$shiftfs" "$@" >"$work/pid" 2>"$work/log" || { cat "$work/log"; return 1; }
}
mounted() { "$top_builddir/shiftfs-fallback/mount.shiftfs" "$backing" "$view" -t "$1" -o "$2"; }
cleanup() { umount -l "$view" "$work/other" 2>/dev/null; kill $ns 2>/dev/null; }
on_exit cleanup

compare() { # host|container OPTION…: by two processes at once, each with half of the families
	local by=() part bad=0 pids=()
	[ "$1" = host ] || by=(inside)
	chown "$([ "$1" = host ] && echo 0 || echo $first)" "$plain"
	for part in 0 1; do
		"${by[@]}" mkdir "$plain/$part" "$view/$part" || return 1
		"${by[@]}" python3 "$tests_lib/shift-posix.py" "$plain/$part" "$view/$part" --part $part "${@:2}" & pids+=($!)
	done
	for part in "${pids[@]}"; do wait "$part" || bad=1; done
	return $bad
}
check() { # DESC OPTION…
	ok "$1" compare "${@:2}"
	umount "$view"; rm -rf "${backing:?}"/* "${plain:?}"/*
}
some=(); for f in ${POSIX_FAMILIES-opening open-modes rename link removing truncating writing programs sockets}; do some+=(--family "$f"); done
all=(); [ -z "${POSIX_FAMILIES:-}" ] || all=("${some[@]}") # a machine in a machine has time for few
more=()
for f in chown default-acls set-acls suid-bits capabilities capability-sets group-of-directories uses attributes without-names access-checks open-flags slashes copying lists watched file-size-limit boundaries; do
	more+=(--family "$f")
done
[ -z "${POSIX_FAMILIES:-}" ] || more=()

ok "mounted as one does it" mounted fuse.shiftfs allow_other,default_permissions
check "every call is as in the directory itself" host --nodev "${all[@]}"
ok "mounted, with nothing remembered, and without passthrough" serve --map 0:0:65536 --cache strict --no-passthrough
check "every call is as in the directory itself" host "${some[@]}"
ok "mounted for a container" serve --map $first:0:65536 --cache strict
check "every call is as in a directory of the container" container "${some[@]}" "${more[@]}" --nodev
for mode in a c; do
	if ! serve --mode $mode 2>"$work/why"; then
		[ $mode = c ] || fail "mode $mode is served: $(cat "$work/why" "$work/log")"
		skip fuse-idmap "mode $mode"
		continue
	fi
	check "mode $mode: every call is as in a directory of the container" container "${some[@]}" --nodev
done

### Read-only
ok "mounted" "$top_builddir/shiftfs-fallback/mount.shiftfs" "$backing" "$view" -t fuse.shiftfs -o suid,dev
chown 0 "$plain"
ok "there is something" python3 "$tests_lib/shift-posix.py" "$plain" "$view" --family prepare
ok "made read-only" "$top_builddir/shiftfs-fallback/mount.shiftfs" "$backing" "$view" -t fuse.shiftfs -o remount,ro,suid,dev
mount --bind "$plain" "$work/other"; mount -o remount,bind,ro "$work/other"
ok "every call is as in the directory itself" python3 "$tests_lib/shift-posix.py" "$work/other" "$view" --family refusals
umount "$view" "$work/other"; rm -rf "${backing:?}"/* "${plain:?}"/*

if have idmap; then
	ok "an ID-mapped mount" mounted shiftfs idmap=0:$first:65536,fallback=never
	check "has the same results" container "${some[@]}" --nodev

	### What belongs to ids that a container has not: as on such a mount
	for mode in a b c; do
		map=(); [ $mode != b ] || map=(--map "$first:0:65536")
		serve --mode $mode --cache strict "${map[@]}" 2>"$work/why" || { skip fuse-idmap "mode $mode"; continue; }
		chown 0 "$plain"
		mounted_natively() { "$top_builddir/shiftfs-fallback/mount.shiftfs" "$plain" "$work/other" -t shiftfs -o idmap=0:$first:65536,allow_suid,allow_dev,fallback=never; }
		ok "mode $mode: an ID-mapped mount beside it" mounted_natively
		ok "mode $mode: there are things of strangers" python3 "$tests_lib/shift-posix.py" "$plain" "$backing" --family make-strange
		ok "mode $mode: every call on them is as there" inside python3 "$tests_lib/shift-posix.py" "$work/other" "$view" --family strange --nodev
		umount "$view" "$work/other"; rm -rf "${backing:?}"/* "${plain:?}"/*
	done
else
	skip idmap "an ID-mapped mount"
fi
done_testing
