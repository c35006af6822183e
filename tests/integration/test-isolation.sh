#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a container's root tries, with and without --privileged, and what it must still be able to do.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox
root=$work/root
make_root "$root"
make_volume "$work/vol"
make_volume "$work/ro"
cp "$tests_lib/inside.sh" "$root/inside.sh"
# Where shiftfs serves the root (no ID-mapped mounts), each start of a program reads it anew, which under emulation is
# translated anew too: the attacks' programs lie on a volume that needs no shifting.
cp -a "$root/bin" "$work/tools"
shift_owners "$work/tools"
need_containers --rootfs "$root"

# Device nodes that lie in the image and in a volume: openable there without nodev.
loop=
if have loop; then
	truncate -s 4M "$work/disk"
	loop=$(losetup -f --show "$work/disk") && on_exit losetup -d "$loop"
	minor=${loop#/dev/loop}
fi
for dir in "$root" "$work/vol"; do
	mknod "$dir/chr" c 1 5
	mknod "$dir/blk" b 7 "${minor:-0}"
done
have_overlay=
unshare -Urm sh -c "mkdir -p $work/o/l $work/o/u $work/o/w $work/o/m &&
	mount -t tmpfs none $work/o && cd $work/o && mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w,userxattr overlay m" 2>/dev/null && have_overlay=1
have_idmap_tmpfs=
! have idmap-tmpfs || have_idmap_tmpfs=1
have_setattr=
"$attack" kernel | grep -q mount_setattr && have_setattr=1

cat >"$root/attacks.sh" <<'END'
. /inside.sh
covers="/proc/uptime /sys/devices/system/cpu/online /proc/sys/kernel/panic"
# One of each kind has to do under emulation, where each copy of the mounts takes its time.
[ -n "$IN_VM" ] || covers="$covers /proc/meminfo /proc/cpuinfo /proc/stat /proc/loadavg /proc/swaps /proc/diskstats /proc/sys/fs/file-max"

# --- read-only stays read-only
for way in remount-rw remount-rw-super remount-rw-setattr remount-rw-setattr-recursive clone-rw clone-recursive-rw; do
	refused "$way of a read-only volume" attack $way /ro
	refused "write after $way" touch /ro/written
	case $ROOT_IS in read-only)
		refused "$way of the read-only root" attack $way /
		refused "write to the root after $way" touch /written ;;
	esac
done
mkdir -p /tmp/a /tmp/b /tmp/c
# Without --privileged there is no CAP_SYS_ADMIN; whoever wants to mount makes a user namespace.
case $KIND in plain) nested="unshare -Urm" ;; *) nested= ;; esac
for way in remount-rw remount-rw-setattr remount-rw-setattr-recursive; do
	refused "$way of a bind of it" $nested sh -c "attack rbind /ro /tmp/a && attack $way /tmp/a"
	refused "write through that" $nested sh -c "attack rbind /ro /tmp/a && { attack $way /tmp/a; touch /tmp/a/written; }"
done
refused "the same in a nested user namespace" unshare -Urm attack remount-rw /ro

# --- owners stay whose they are
for way in map-anew map-anew-attr map-no-more; do
	refused "$way of a volume" $nested attack $way /vol
	refused "$way of the root" $nested attack $way /
done
[ -z "$HAVE_IDMAP_TMPFS" ] || works "map-anew of one's own tmpfs" unshare -Urm sh -c 'mount -t tmpfs none /tmp/c && attack map-anew /tmp/c'

# --- covers
for c in $covers; do
	works "$c is a cover" attack covered $c
	refused "umount $c" attack umount $c
	refused "umount -l $c" attack umount-lazy $c
	: >/tmp/file
	refused "move $c away" attack move $c /tmp/file
	refused "move_mount $c away" attack move-mount $c /tmp/file
	refused "umount $c in a new mount namespace" unshare -m attack umount $c
	refused "umount $c in a nested user namespace" unshare -Urm attack umount-lazy $c
	refused "unlink $c" attack unlink $c
	works "$c is still a cover" attack covered $c
done
reach_all() { # FILESYSTEM FILE
	refused "reach $1/$2 by a clone" attack reach-by-clone "$1" "$2"
	refused "reach $1/$2 by a plain bind" attack reach-by-bind "$1" "$2" /tmp/b
	umount -l /tmp/b 2>/dev/null
	refused "reach $1/$2 by rbind and umount" attack reach-by-rbind "$1" "$2" /tmp/b
	umount -l /tmp/b 2>/dev/null
	refused "reach $1/$2 by an old fd after umount -l" attack reach-by-old-fd "$1" "$2"
}
reach_all /proc uptime
reach_all /proc meminfo
reach_all /proc sys/kernel/panic
reach_all /proc/sys kernel/panic
reach_all /proc/sys/kernel panic
reach_all /sys devices/system/cpu/online
reach_all /sys/devices/system/cpu online
reach_all / proc/uptime
refused "reach a bare proc by mount(2)" attack reach-by-mount proc uptime /tmp/c
refused "reach a bare proc by fsmount(2)" attack reach-by-fsmount proc uptime
refused "reach a bare sysfs by mount(2)" attack reach-by-mount sysfs devices/system/cpu/online /tmp/c
refused "reach a bare sysfs by fsmount(2)" attack reach-by-fsmount sysfs devices/system/cpu/online
refused "reach a bare proc from a nested user namespace" unshare -Urmpf attack reach-by-mount proc uptime /tmp/c
for lower in /proc /proc/sys /sys /sys/class /sys/devices; do
	refused "overlay with lowerdir=$lower" unshare -m attack overlay $lower /tmp/c
done
refused "umount -l /sys/.. and a bare proc" unshare -m sh -c 'umount -l /proc && attack reach-by-mount proc uptime /tmp/c'
for f in /proc/*/root/proc/uptime /proc/self/cwd/proc/uptime; do
	[ ! -e "$f" ] || works "$f is a cover too" attack covered "$f"
done

# --- masks
for f in /proc/kcore /proc/keys /proc/timer_list /proc/iomem; do
	[ -e "$f" ] || continue
	refused "read behind the mask of $f" attack reach "$f"
	refused "umount the mask $f" attack umount "$f"
done
for f in /sys/class /sys/devices /sys/firmware /sys/kernel /proc/sys/kernel/random/boot_id; do
	refused "umount $f" attack umount $f
	refused "move $f" attack move $f /tmp/b
done
refused "reach behind the mask by a bind" attack reach-by-bind /proc keys /tmp/b
umount -l /tmp/b 2>/dev/null

# --- devices
refused "make a block device" attack device /tmp/d b 7 0
refused "make a char device" attack device /tmp/d c 1 1
refused "make a device in /dev" attack device /dev/evil b 7 0
refused "open the block device in the volume" attack open /vol/blk
refused "open the char device in the volume" attack open /vol/chr
refused "open the char device in the root" attack open /chr
refused "open the block device in the root" attack open /blk
refused "clear nodev of the volume" attack clear-nodev /ro
refused "open it after that" attack open /vol/chr
refused "open it in a tmpfs of one's own" sh -c 'mount -t tmpfs none /tmp/c && cp -a /vol/blk /tmp/c/ && attack open /tmp/c/blk'
umount -l /tmp/c 2>/dev/null
same "$(find /dev -type b 2>/dev/null)" "" "/dev holds no block device"
same "$(find /dev -type c ! -path '/dev/pts/*' | sed 's/.*\///' | grep -vxE 'null|zero|full|random|urandom|tty|ptmx|console|fuse|net|tun')" "" "/dev holds the usual nodes only"
[ ! -e /dev/loop-control ] || refused "a loop device" attack loop-free /dev/loop-control
refused "mount a host disk" attack mount ext4 /tmp/c -

# --- the kernel
refused "load a module" attack load-module
refused "unload a module" attack unload-module fuse
refused "set the clock" attack set-clock
refused "adjust the clock" attack adjust-clock
refused "list BPF maps" attack bpf-next-id
refused "load a BPF program" attack bpf-load
refused "I/O privileges" attack iopl
refused "open_by_handle_at" attack open-by-handle /vol
refused "open_by_handle_at on the root" attack open-by-handle /
for f in /proc/sys/kernel/seccomp/actions_logged /proc/sys/kernel/cad_pid /proc/sysrq-trigger /sys/kernel/uevent_helper \
	/proc/irq/default_smp_affinity; do
	[ ! -e $f ] || refused "write the host's $f" attack write-same $f
done
# These it has of its own: what the host has is looked at when all is done.
for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/vm/drop_caches /proc/sys/vm/swappiness \
	/proc/sys/kernel/threads-max; do
	[ ! -e $f ] || works "write one's own $f" sh -c "echo 3 >$f"
done
# --- processes
same "$(cat /proc/[0-9]*/comm | grep -c cloister)" 0 "no helper is visible"
same "$(attack seize-all 300 2>/dev/null)" "" "nothing to seize"

# --- ordinary work: each step in a shell of its own, and with --privileged also in the container's own
# mount namespace
mkdir -p /tmp/tree/bin
works "set one's own hostname" unshare -Uru attack sethostname changed-inside
for in in "unshare -Urm" $([ $KIND = plain ] || echo env); do
	works "$in: mount a tmpfs, remount it, write, umount" $in sh -c 'attack mount tmpfs /tmp/a size=1m && attack remount-own /tmp/a && touch /tmp/a/x && attack umount /tmp/a'
	works "$in: bind an ordinary directory" $in sh -c 'attack bind /home /tmp/a && ls /tmp/a && attack umount /tmp/a'
	works "$in: bind of the volume" $in sh -c 'attack bind /vol /tmp/a && cat /tmp/a/of-root && attack umount /tmp/a'
	works "$in: rbind of /dev" $in sh -c 'attack rbind /dev /tmp/a && echo >/tmp/a/null && attack umount-lazy /tmp/a'
	works "$in: rbind of /proc keeps the covers" $in sh -c 'attack rbind /proc /tmp/a && attack covered /tmp/a/uptime && umount -l /tmp/a'
	works "$in: pivot_root into an own tree" $in attack pivot /tmp/tree
	[ -z "$HAVE_OVERLAY" ] || works "$in: overlay" $in sh -c 'attack mount tmpfs /tmp/c - && cd /tmp/c && mkdir l u w m && attack overlay-rw l u w m && touch m/x && umount m && cd / && umount /tmp/c'
done
case $KIND in privileged)
	works "set one's own hostname" attack sethostname changed-inside
	works "bind of /dev, not recursive" sh -c 'attack bind /dev /tmp/a && echo >/tmp/a/null && attack umount /tmp/a'
	works "unshare -m" unshare -m true ;;
esac
works "chown to any id of the range" sh -c 'touch /tmp/owned && chown 65533:65533 /tmp/owned'
END

# SPC: what differs between the two runs.
run_attacks() { # LABEL KIND ROOT_IS OPTION…
	local label=$1 kind=$2 root_is=$3
	shift 3
	launch --rootfs "$root" "$@" -v "$work/vol:/vol" -v "$work/ro:/ro:ro" -v "$work/tools:/tools:ro" --env "KIND=$kind" --env "ROOT_IS=$root_is" \
		--env "HAVE_OVERLAY=$have_overlay" --env "HAVE_IDMAP_TMPFS=$have_idmap_tmpfs" --env "IN_VM=${CLOISTER_IN_VM:-}" --env PATH=/tools:/bin:/sbin:/usr/bin -- sh /attacks.sh \
		</dev/null >"$tap_dir/attacks" 2>"$tap_dir/attacks.err"
	local status=$?
	report_inside "$label" <"$tap_dir/attacks"
	if [ "$status" = 0 ] && [ "$(wc -l <"$tap_dir/attacks")" -gt 80 ]; then
		pass "$label: the attacks ran to the end"
	else
		fail "$label: the attacks ran to the end"
		diag "status $status; $(wc -l <"$tap_dir/attacks") lines; $(tail -5 "$tap_dir/attacks.err")"
	fi
}
host_sysctls() { cat /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/vm/swappiness /proc/sys/kernel/threads-max /proc/sys/kernel/panic; }
before=$(host_sysctls) host_before=$(hostname)
run_attacks plain plain writable
# Under emulation two runs have to do: with the last one these are all combinations once.
if [ -z "${CLOISTER_IN_VM:-}" ]; then
	run_attacks privileged privileged writable --privileged
	run_attacks read-only plain read-only --read-only --tmpfs /tmp
fi
run_attacks "privileged read-only" privileged read-only --privileged --read-only --tmpfs /tmp
is "$(host_sysctls)" "$before" "the host's sysctls are as before"
is "$(hostname)" "$host_before" "the host's name is as before"
fails '*' "nothing was written to the read-only volume" ls "$work/ro/written"
[ -n "$have_setattr" ] || diag "this kernel has no mount_setattr(2): those attacks got ENOSYS"

if [ -n "$loop" ] && [ -b "$loop" ]; then
	fails '*' "the host's loop device is not in /dev" launch --rootfs "$root" --privileged -- ls "$loop"
else
	skip loop "the host's loop device is not in /dev"
fi
if have tool-bpftool && ! "$attack" bpf-next-id 2>&1 | grep -q ENOSYS; then
	like "$(launch --privileged -- bpftool map show 2>&1 </dev/null)" "Operation not permitted" "bpftool map show"
else
	skip tool-bpftool "bpftool map show (or this kernel has no bpf(2))"
fi

### What mounts look like
launch --rootfs "$root" -v "$work/vol:/vol" -- cat /proc/self/mountinfo </dev/null >"$tap_dir/mi"
flags_of() { awk -v p="$1" '$5 == p { f = $6 } END { print f }' "$tap_dir/mi"; }
like "$(flags_of /)" nodev "the root file system is nodev"
like "$(flags_of /vol)" nodev "a volume is nodev"
is "$(awk '$0 ~ / - fuse/ && $0 !~ / - fuse.shiftfs / && ($6 !~ /nosuid/ || $6 !~ /nodev/ || $6 !~ /noexec/)' "$tap_dir/mi")" "" "every cover is nosuid, nodev, noexec"
unlike "$(cat "$tap_dir/mi")" 'shared:' "nothing propagates to the host"

### What a badly brought up caller hands on
shift_owners "$root" # nothing below asks how the root came to be shown
out=$("$attack" spoiled "$(type -P cloister)" --root "$state" launch --rootfs "$root" -- attack fds </dev/null 2>&1 | cat)
is "$(awk '{ print $1 }' <<<"$out" | sort -n | tr '\n' ' ')" "0 1 2 " "descriptors 0, 1, 2 and no other" || diag "$out"
out=$("$attack" spoiled "$(type -P cloister)" --root "$state" launch --rootfs "$root" -- attack inherited </dev/null 2>&1)
field() { awk -v f="$1" '$1 == f { print $2, $3 }' <<<"$out" | sed 's/ $//'; }
is "$(field ignored)" 0 "no signal is ignored"
is "$(field blocked)" 0 "no signal is blocked"
is "$(field cwd)" / "the working directory is the root"
is "$(field cpus)" "$(nproc --all)" "the caller's affinity does not stay"
is "$(field nice)" 0 "nor its nice value"
isnt "$(field rlimit-7)" "256 512" "nor its limit of files"
isnt "$(field rlimit-4)" "4096 8192" "nor its core limit"
is "$(field securebits)" 0 "secure bits are clear"
is "$(field pdeathsig-free)" 1 "no parent-death signal"
is "$(field groups)" 0 "no supplementary group"
is "$("$attack" spoiled "$(type -P cloister)" --root "$state" launch --rootfs "$root" -- sh -c umask </dev/null)" 0022 "umask is 022"
unlike "$("$attack" spoiled "$(type -P cloister)" --root "$state" launch --rootfs "$root" -- env </dev/null)" SPOILED "no variable"
is "$(bash -c "echo 500 >/proc/self/oom_score_adj; exec cloister --root '$state' launch --rootfs '$root' -- cat /proc/self/oom_score_adj" </dev/null)" 0 "oom_score_adj is 0"
is "$(chrt -r 1 "$(type -P cloister)" --root "$state" launch --rootfs "$root" -- sh -c 'set -- $(cat /proc/self/stat); shift 40; echo $1' </dev/null)" 0 "nor a policy of real time"
# Helpers work for the container as long as it lives; where the kernel lets nobody raise limits, soft ones are.
limited=$(cname limited)
(ulimit -S -u 0 -t 1000 -v 4000000 && launch_detached "$limited" --rootfs "$root" -- sleep 1000)
helpers=$(cloister status --json "$limited" | json "' '.join(str(h['pid']) for h in d['helpers'])")
is "$(wc -w <<<"$helpers")" 3 "a container has three helpers"
for pid in $helpers; do
	is "$(awk '/^Max (cpu time|processes) / && $(NF - 2) != $(NF - 1) || $4 == 4096000000' "/proc/$pid/limits")" "" "no limit of the caller is a helper's ($(cat "/proc/$pid/comm"))"
done
cloister delete --force "$limited"
like "$(ulimit -u 0; cloister launch --rootfs "$root" -- echo started 2>&1)" '^started$|limit of processes is 0; raise it .`ulimit -u`' "a limit of processes that nobody may raise is named"
like "$(ulimit -n 10; cloister launch --rootfs "$root" -- true 2>&1)" 'raise their limit .`ulimit -n`' "and one of files"
is "$(setpriv --groups 27,100 "$(type -P cloister)" --root "$state" launch --rootfs "$root" -- id -G </dev/null)" 0 "the caller's groups stay outside"
is "$("$attack" with-key cloister-key "$attack" key-search cloister-key >/dev/null 2>&1; echo $?)" 0 "(a key that the caller can find)"
fails 'ENOKEY|EACCES|EPERM|ENOSYS' "the caller's keyring is not the container's" \
	"$attack" with-key cloister-key "$(type -P cloister)" --root "$state" launch --rootfs "$root" --privileged -- attack key-search cloister-key
touch "$work/tty-out"
chown 12:34 "$work/tty-out"
launch --rootfs "$root" --user 1000 -- true </dev/null >"$work/tty-out" 2>&1
is "$(stat -c %u:%g "$work/tty-out")" 12:34 "stdio is not chowned"

### Helpers: what passes through, what stays
name=$(cname helpers)
if launch_detached "$name" --rootfs "$root" --privileged -- sleep 1000; then
	cloister exec "$name" attack seize-all 4000 </dev/null >"$tap_dir/seized" 2>/dev/null &
	seizer=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do cloister exec "$name" true </dev/null; done
	wait $seizer
	unlike "$(cat "$tap_dir/seized")" 'cloister|another root' "no helper that enters by exec can be seized or looked through"
	for pid in $(family 'cloister-fs.*'); do
		like "$(grep CapPrm "/proc/$pid/status")" ':[[:space:]]*0+$' "cloister-fs has no capability"
		is "$(awk '/^NoNewPrivs/ { print $2 }' "/proc/$pid/status")" 1 "no new privileges"
		fails 'not permitted' "what the host runs as nobody cannot stop it" setpriv --reuid 65534 --regid 65534 --clear-groups kill -0 "$pid"
		is "$(awk '/^Seccomp:/ { print $2 }' "/proc/$pid/status")" 2 "its own seccomp filter"
	done
	isnt "$(family 'cloister-fs.*')" "" "(there is a cloister-fs)"
	for pid in $(family 'cloister.*'); do
		[ -d "/proc/$pid" ] || continue
		isnt "$(awk -F: '$2 ~ /memory/ || $1 == 0 { print $3; exit }' "/proc/$pid/cgroup")" \
			"$(awk -F: '$2 ~ /memory/ || $1 == 0 { print $3; exit }' "/proc/$(init_pid "$name")/cgroup")" \
			"$(cat "/proc/$pid/comm") is not in the container's cgroup"
		isnt "$(awk -F: '$2 ~ /memory/ || $1 == 0 { print $3; exit }' "/proc/$pid/cgroup")" \
			"$(awk -F: '$2 ~ /memory/ || $1 == 0 { print $3; exit }' /proc/self/cgroup)" \
			"nor in the caller's"
	done
	like "$(cat "/proc/$(init_pid "$name")/uid_map")" '^ +0 +[1-9][0-9]+ +65536$' "the first process has a range of its own"
	cloister delete --force "$name"
else
	fail "a detached container for the helpers"
fi
done_testing
