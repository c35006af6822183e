#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shiftfs over ext4, XFS, Btrfs, tmpfs and overlays: random operations, each call's rules, many processes at
# once (for SHIFTFS_SECONDS); and what a full, read-only or vanished source says.
TEST_LANES=files
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
export SHIFTFS_SEED=${SHIFTFS_SEED-20261122} # the same operations each time; empty: others each time
gate root; gate fuse; gate tool-python3
shiftfs=$top_builddir/shiftfs-fallback/shiftfs
fs=$work/fs view=$work/view
mkdir "$fs" "$view"
chmod 755 "$work"
serve() { # SOURCE OPTION…
	"$top_builddir/tests/lib/shift-mount" "$1" "$view" "$shiftfs" --map 0:0:65536 "${@:2}" >"$work/pid" 2>"$work/log" || { cat "$work/log"; return 1; }
}
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
unserve() { umount "$view" && eventually 5 gone "$(cat "$work/pid")" && cat "$work/log" && [ ! -s "$work/log" ]; }
cleanup() { umount -l "$view" "$fs" "$work/low" "$work/other" 2>/dev/null; }
on_exit cleanup
steps=${SHIFTFS_STEPS:-1500}

mount_on() { # TYPE: on $fs
	case $1 in
	tmpfs) mount -t tmpfs -o mode=755 t "$fs" ;;
	overlay)
		mkdir -p "$work/low/"{lower,upper,wd} && mount -t overlay -o "lowerdir=$work/low/lower,upperdir=$work/low/upper,workdir=$work/low/wd" o "$fs"
		;;
	*) # XFS and Btrfs take nothing smaller
		rm -f "$work/image"; truncate -s 400M "$work/image"
		"mkfs.$1" -q "$work/image" >/dev/null 2>&1 && mount -o loop "$work/image" "$fs"
		;;
	esac
}
have_fs() { case $1 in tmpfs) true ;; overlay) have overlay ;; *) have loop && have "tool-mkfs.$1" && { grep -qw "$1" /proc/filesystems || modprobe "$1" 2>/dev/null; } ;; esac; }

for type in ext4 xfs btrfs tmpfs overlay; do
	if ! have_fs $type; then skip "fs-$type" "$type"; continue; fi
	ok "$type is mounted" mount_on $type || continue
	mkdir "$fs/plain" "$fs/backing"
	ok "$type: served" serve "$fs/backing" --cache strict
	mkdir -m 777 "$fs/plain/diff" "$view/diff" "$fs/plain/posix" "$view/posix"
	# an open directory of Btrfs lists what it had when it was opened; FUSE lists what there is
	ignore=(); [ $type != btrfs ] || ignore=(--ignore in_dir)
	ok "$type: $steps random operations have the same results" \
		python3 "$tests_lib/shift-diff.py" "$fs/plain/diff" "$view/diff" --no-fsetid --steps "$steps" "${ignore[@]}"
	ok "$type: so has every call, gone through" python3 "$tests_lib/shift-posix.py" "$fs/plain/posix" "$view/posix" \
		--family rename --family link --family removing --family truncating --family links-of-directories --family times \
		--family opening --family acls
	if [ $type = ext4 ]; then
		echo one >"$fs/backing/log"; chattr +a "$fs/backing/log"
		ok "$type: what can only be appended to is appended to" sh -c "echo two >>$view/log"
		fails 'not permitted' "$type: and not written otherwise" sh -c "echo three >$view/log"
		is "$(tr '\n' ' ' <"$fs/backing/log")" "one two " "$type: so that is what it has"
		chattr -a "$fs/backing/log"
	fi
	ok "$type: unmounted" unserve
	if [ $type = overlay ]; then
		ok "$type: served, all remembered" serve "$fs/backing" --cache always
		echo x >"$view/one"; ln "$view/one" "$view/two"; stat "$view/one" "$view/two" >"$work/null"
		chmod 604 "$view/two"; chown 7 "$view/one"
		is "$(stat -c '%a %u %h' "$view/one" "$view/two" | tr '\n' ' ')" "604 7 2 604 7 2 " "$type: the names of a file are one file"
		ln "$view/two" "$view/three"
		is "$(stat -c %h "$view/one" "$view/two" "$view/three" | tr '\n' ' ')" "3 3 3 " "$type: and know how many they are"
		ok "$type: unmounted" unserve
	fi
	# For who asks for it: what it finds is found by chance, and then has a test of its own (test-shiftfs).
	for cache in ${SHIFTFS_SECONDS:+strict auto}; do
		rm -rf "$fs/backing"; mkdir "$fs/backing"
		ok "$type: served ($cache)" serve "$fs/backing" --cache $cache
		ok "$type: 8 processes at once" python3 "$tests_lib/shift-stress.py" "$view" "$fs/backing" --seconds "$SHIFTFS_SECONDS"
		ok "$type: unmounted" unserve
	done
	ok "$type: nothing keeps it" eventually 5 umount "$fs"
done

### Full, read-only, gone
mount -t tmpfs -o mode=755,size=1M,nr_inodes=40 t "$fs"
mkdir "$fs/s"
for options in "" "--no-passthrough --cache strict"; do
	# shellcheck disable=SC2086
	ok "a small file system is served ($options)" serve "$fs/s" $options
	fails 'No space left' "a file that is too large" dd if=/dev/zero of="$view/big" bs=64k count=100
	is "$(stat -c %s "$view/big")" "$(stat -c %s "$fs/s/big")" "is as long as it could become"
	rm "$view/big"
	fails 'No space left' "more files than inodes" sh -c "cd $view && for i in \$(seq 60); do : >\$i || exit 1; done"
	fails 'No space left' "nor a directory" mkdir "$view/d"
	fails 'No space left' "nor a symbolic link" ln -s x "$view/l"
	rm -f "$view"/*
	ok "and then there is space" sh -c "echo x >$view/after && cat $view/after"
	rm "$view/after"; mkdir "$view/d"; echo x >"$view/f"
	ok "made read-only, once what was closed is closed there too" eventually 5 mount -o remount,ro "$fs"
	for what in "touch $view/new" "mkdir $view/new" "rm $view/f" "mv $view/f $view/g" "ln $view/f $view/g" "chmod 600 $view/f" \
		"chown 1 $view/f" "truncate -s 1 $view/f" "sh -c 'echo y >>$view/f'" "setfattr -n user.x -v y $view/f" "rmdir $view/d" "touch -d @5 $view/f"; do
		fails 'Read-only' "read-only: ${what/"$view"\//}" eval "$what"
	done
	is "$(cat "$view/f")" x "and read it is"
	mount -o remount,rw "$fs"
	ok "afterwards it can be written" sh -c "echo y >>$view/f"
	rm -rf "${fs:?}/s"
	is "$(ls "$view" 2>&1)" "" "a source that was removed is empty"
	fails 'No such file' "and takes nothing" touch "$view/new"
	ok "it can be unmounted" unserve
	mkdir "$fs/s"
done
umount "$fs"

### A source whose file system fails: the same error for each call as in the directory itself
fails_both() { # DESCRIPTION COMMAND with @ for the directory
	local said
	said=$(sh -c "${2//@/$fs/s}" 2>&1)
	like "$said" 'Input/output error' "(it has failed: $1)"
	is "$(sh -c "${2//@/$view}" 2>&1)" "${said//"$fs/s"/"$view"}" "fails as there: $1"
}
if have_fs ext4; then
	for options in "" "--no-passthrough --cache strict"; do
		ok "ext4 is mounted" mount_on ext4
		mkdir "$fs/s" "$fs/s/d"; echo x >"$fs/s/f"; chmod 666 "$fs/s/f"
		# shellcheck disable=SC2086
		ok "it is served ($options)" serve "$fs/s" $options
		ls "$view/d" >/dev/null; cat "$view/f" >/dev/null
		sync -f "$fs" # what the disk has not got can be found damaged later
		# EXT4_IOC_SHUTDOWN, without writing the journal
		python3 -c 'import fcntl, os, struct, sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack("I", 2))' "$fs"
		for what in "touch @/new" "mkdir @/d/new" "rm @/f" "chmod 600 @/f" "mv @/f @/d/f" "setfattr -n user.x -v y @/f"; do fails_both "${what//@\//}" "$what"; done
		ok "it can be unmounted ($options)" unserve
		ok "so can what has failed" eventually 5 umount "$fs"
	done
else
	skip fs-ext4 "a source that fails"
fi

### A quota
if have_fs btrfs && have tool-btrfs && mount_on btrfs && btrfs quota enable "$fs" && btrfs subvolume create "$fs/s" >/dev/null && btrfs qgroup limit 3M "$fs/s"; then
	for options in "" "--no-passthrough --cache strict"; do
		# shellcheck disable=SC2086
		ok "a source with a quota is served ($options)" serve "$fs/s" $options
		fails 'quota exceeded' "beyond it nothing is written" dd if=/dev/urandom of="$view/big" bs=64k count=200 conv=fsync
		rm -f "$view/big"
		ok "below it there is space" sh -c "sync -f $fs; echo x >$view/small"
		ok "unmounted" unserve
	done
else
	skip fs-btrfs "a quota"
fi
umount "$fs" 2>/dev/null

### A greedy container: only its own mount is out of descriptors
mkdir "$work/greedy" "$work/mine" "$work/other"
ok "two directories are served" serve "$work/greedy"
prlimit --pid "$(cat "$work/pid")" --nofile=600:600
"$top_builddir/tests/lib/shift-mount" "$work/mine" "$work/other" "$shiftfs" --map 0:0:65536 >/dev/null
ok "thousands of open files, attributes without end, handles, moved directories" python3 "$tests_lib/shift-greedy.py" "$view" "$work/other"
ok "it answers still" sh -c "echo x >$view/after && cat $view/after && rm $view/after"
below "$(find "/proc/$(cat "$work/pid")/fd" -mindepth 1 | wc -l)" 120 "and holds few descriptors"
umount "$work/other"
ok "unmounted" unserve
done_testing
