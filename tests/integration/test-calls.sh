#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# System calls that a container is granted only where the settings say so: by default each is the kernel's
# to refuse, and costs nothing.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
root=$work/root
make_root "$root"
cp "$top_builddir/tests/lib/granted" "$root/bin/"
shift_owners "$root"
need_containers --rootfs "$root"
settings() { printf '{"cloister": {"inside": {%s}}}\n' "$1" >"$tap_dir/settings"; }
with() { cloister --settings "$tap_dir/settings" launch --rootfs "$root" "$@" </dev/null 2>&1; }

### sched_setscheduler(2): the kernel grants and refuses, by RLIMIT_RTPRIO
# bundle RLIMITS SCHEDULER: a process of an engine's, as it asks for it
bundle() {
	mkdir -p "$work/b"
	python3 - "$root" "$1" "$2" >"$work/b/config.json" <<'END'
import json, sys
root, rlimits, scheduler = sys.argv[1:]
process = {"terminal": False, "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0},
           "args": ["sh", "-c", "ulimit -r; ulimit -Hr"]}
if rlimits: process["rlimits"] = json.loads(rlimits)
if scheduler: process["scheduler"] = json.loads(scheduler)
json.dump({"ociVersion": "1.2.0", "root": {"path": root}, "process": process,
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
  "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "network", "cgroup", "user")]}}, sys.stdout)
END
}
inside() { cloister exec "$name" "$@" </dev/null; }
said() { inside "$@" 2>&1; }
engine() { cloister --settings "$tap_dir/settings" run --bundle "$work/b" "$(cname e)" </dev/null 2>&1; }
off() { launch --rootfs "$root" "$@" </dev/null 2>&1; }
settings '"sched_setscheduler": 10'
bundle '' '{"policy": "SCHED_FIFO", "priority": 11}'
like "$(engine)" 'above the highest real-time priority' "who is to begin above the settings' priority does not"
like "$(off -- granted realtime 5 echo x)" EPERM "off: no real-time priority"
like "$(with -- granted realtime 50 echo x)" EPERM "50 with a highest one of 10 is EPERM"
if have rlimit-rtprio; then
	is "$(with -- sh -c 'ulimit -r; ulimit -Hr' | tr '\n' ' ')" "10 10 " "on: that is the limit of its processes"
	like "$(with -- sh -c 'ulimit -r 11')" '[Nn]ot permitted|error' "which none of them raises"
	n=$(cname rt)
	with --detach --name "$n" -- sleep 1000 >/dev/null
	is "$(cloister exec "$n" sh -c 'ulimit -r; ulimit -Hr' </dev/null | tr '\n' ' ')" "10 10 " "and what exec starts"
	if have realtime-v2; then
		is "$(with -- granted realtime 10 echo yes)" yes "on: priorities up to it are the kernel's to grant"
		is "$(cloister exec "$n" granted realtime 5 echo yes </dev/null 2>&1)" yes "to what exec starts, too"
	else
		skip realtime-v2 "priorities up to it are the kernel's to grant"
	fi
	like "$(cloister exec "$n" granted realtime 50 echo x </dev/null 2>&1)" EPERM "and no higher one"
	cloister delete --force "$n"
	bundle '[{"type": "RLIMIT_RTPRIO", "soft": 20, "hard": 40}]' ''
	like "$(engine | tr '\n' ' ')" 'lowered to 10.* 10 10 $' "an engine that asks for more gets the settings' own, and is told"
	settings '"kmsg": false'
	is "$(engine | tr '\n' ' ')" "20 40 " "without the setting it gets what it asks for"
	settings '"sched_setscheduler": 0'
	like "$(engine | tr '\n' ' ')" 'lowered to 0.* 0 0 $' "with 0 none"
else
	like "$(with -- sh -c 'ulimit -r')" 'RLIMIT_RTPRIO stays at the most that is allowed' "where it cannot be given, it is said"
	skip rlimit-rtprio "priorities up to it are the kernel's to grant"
fi

### setxattr(2) of trusted.overlay.opaque
mark() { python3 -c 'import os, sys
for p in sys.argv[1:]:
	try: print(os.getxattr(p, "trusted.overlay.opaque", follow_symlinks=False).decode())
	except OSError as e: print("none" if e.errno == 61 else e.errno)' "$@" | tr '\n' ' '; }
vol=$work/vol
mkdir -p "$vol"/{own,lset,fset,at,open,at/sub,a32,of-1000,foreign,again,off,other,turned,closed,immutable,mode} "$work/secret"
: >"$vol/file"
: >"$root/etc/fstab"
chown 1000:1000 "$vol/of-1000"
chown 300000:300000 "$vol/foreign"
chmod 000 "$vol/mode"
ln -s / "$vol/out"
ln -s "own" "$vol/link"
ln -s "$work/secret" "$vol/turn-link"
name=$(cname xattr)
if ! have idmap; then
	skip idmap "setxattr of trusted.overlay.opaque"
else
	tmpfs=()
	if have idmap-tmpfs; then
		mkdir "$work/tmpfs"
		mount -t tmpfs -o mode=755 tmpfs "$work/tmpfs"
		on_exit umount "$work/tmpfs"
		mkdir "$work/tmpfs/own"
		tmpfs=(--volume "$work/tmpfs:/t")
	fi
	is "$(launch --privileged --volume "$vol:/v" --rootfs "$root" -- granted setxattr set /v/off trusted.overlay.opaque y 0 2>&1 </dev/null; mark "$vol/off")" "EPERM
none " "off: EPERM, and nothing is set"
	settings '"setxattr": true'
	with --detach --name "$name" --privileged --volume "$vol:/v" --volume "$vol:/ro:ro" "${tmpfs[@]}" -- sleep 1000 >/dev/null || fail "a container with it starts"
	opaque() { inside granted setxattr "$1" "$2" trusted.overlay.opaque y "${3:-0}" 2>&1; }
	is "$(opaque set /v/own; mark "$vol/own")" "y " "on: a directory of its own is opaque on the host"
	is "$(opaque set /v/link; opaque lset /v/lset; opaque fset /v/fset; mark "$vol"/{lset,fset})" "y y " "by lsetxattr and fsetxattr, too"
	case $(opaque at /v/at) in
	ENOSYS) ;;
	'') is "$(opaque at-open /v/open; opaque at-beneath /v/at; mark "$vol"/{at,open,at/sub})" "y y y " "by setxattrat" ;;
	*) fail "by setxattrat" ;;
	esac
	case $(opaque set32 /v/a32) in ENOSYS | '') ;; *) fail "by 32-bit callers" ;; esac
	! "$root/bin/mediated" sysinfo32 >/dev/null 2>&1 || is "$(mark "$vol/a32")" "y " "by 32-bit callers"
	is "$(opaque set /v/again 1; opaque set /v/again 1; opaque set /v/of-1000 2; mark "$vol/again")" "EEXIST
ENODATA
y " "XATTR_CREATE and XATTR_REPLACE are the kernel's"
	is "$(opaque set /v/of-1000; mark "$vol/of-1000")" "y " "a directory of a user of the container, by its root"
	setfattr -x trusted.overlay.opaque "$vol/of-1000"
	[ ${#tmpfs[@]} = 0 ] || is "$(opaque set /t/own; mark "$work/tmpfs/own")" "y " "on a tmpfs of the host's"
	is "$(inside sh -c 'mkdir /new && granted setxattr set /new trusted.overlay.opaque y 0'; mark "$root/new")" "y " "on the container's own root"
	is "$(inside sh -c 'mount -t tmpfs t /mnt && mkdir /mnt/d && granted setxattr set /mnt/d trusted.overlay.opaque y 0 && echo yes')" yes "on a tmpfs of its own"
	mkdir -p "$work"/{low/own,merged,ovlwork}
	echo below >"$work/low/own/f"
	mount -t overlay -o "lowerdir=$work/low,upperdir=$vol,workdir=$work/ovlwork" overlay "$work/merged" && {
		is "$(ls "$work/merged/own")" "" "which a host's overlay shows so"
		umount "$work/merged"
	}
	# Refused, each with the kernel's own error; what is on the host stays as it was.
	is "$(opaque set /v/foreign)" EPERM "a directory of nobody in the container is EPERM"
	is "$(said granted -c 3 setxattr set /v/of-1000 trusted.overlay.opaque y 0)" EPERM "another user's without CAP_FOWNER"
	is "$(said granted -c 21 setxattr set /v/other trusted.overlay.opaque y 0)" EPERM "without CAP_SYS_ADMIN"
	is "$(said unshare -Ur granted setxattr set /v/other trusted.overlay.opaque y 0)" EPERM "in a nested user namespace"
	is "$(said unshare -Urm granted setxattr set /v/other trusted.overlay.opaque y 0)" EPERM "with mounts of its own, too"
	is "$(said su user -c 'granted setxattr set /v/of-1000 trusted.overlay.opaque y 0')" EPERM "by the owner, who is not root"
	is "$(opaque set /ro/other)" EROFS "on a read-only volume"
	is "$(opaque fset /ro/other)" EROFS "by fsetxattr, too"
	is "$(opaque set /v/file)" EPERM "a file"
	is "$(opaque lset /v/link)" EPERM "a symlink itself"
	is "$(opaque set /v/nothing)" ENOENT "what is not there"
	is "$(opaque fset-path /v/other)" EBADF "a descriptor without any right"
	is "$(said sh -c 'granted setxattr set /v/other trusted.overlay.opaque x 0; granted setxattr set /v/other trusted.overlay.opaqu y 0; granted setxattr set /v/other trusted.overlay.opaque2 y 0; granted setxattr set /v/other trusted.x y 0' | sort -u)" EPERM "other values and names"
	is "$(said sh -c 'granted setxattr set /proc trusted.overlay.opaque y 0; granted setxattr set /sys trusted.overlay.opaque y 0; granted setxattr set /dev/shm/../../sys/fs/cgroup trusted.overlay.opaque y 0' | sort -u | grep -cvE 'EPERM|EROFS')" 0 "procfs, sysfs, cgroups"
	is "$(said granted setxattr set /v/other user.x y 0; getfattr --only-values -n user.x "$vol/other")" y "attributes of others' names are the kernel's"
	opaque set /v/out >/dev/null
	opaque set "/v/turn-link" >/dev/null
	is "$(mark / "$work/secret")" "none none " "a symlink leads nowhere out of the root"
	mkdir -p "$root$work/secret"
	chown -R 300000:300000 "$root/${work#/}"
	ln -sfn "$work/secret" "$vol/turn-link"
	inside granted setxattr-turned /v/turned /v/turn-link 700 >"$tap_dir/turned"
	like "$(cat "$tap_dir/turned")" 'set [1-9]' "while the path changes, it is set on the caller's own"
	is "$(mark "$work/secret" "$root$work/secret")" "none none " "and on nothing else"
	is "$(mark "$vol"/{foreign,of-1000,other,closed,file})" "none none none none none " "of all that was refused nothing is set"
	cloister delete --force "$name"
fi

### swapoff(2) and swapon(2) of what the container has of swap: its limit
# The machine's own swap, while this lasts.
swapfile() {
	fallocate -l 100M "$work/swapfile" 2>/dev/null && chmod 600 "$work/swapfile" && mkswap "$work/swapfile" && swapon "$work/swapfile"
} >/dev/null 2>&1
# on_host NAME V1-FILE V2-FILE: of the container's cgroup
on_host() {
	local dir=/sys/fs/cgroup/memory/cloister-$1 file=$2
	[ -d "$dir" ] || dir=/sys/fs/cgroup/cloister-$1 file=$3
	cat "$dir/$file" 2>&1
}
limit_of() { on_host "$1" memory.memsw.limit_in_bytes memory.swap.max; }
case $([ -d /sys/fs/cgroup/memory ] && echo v1) in
v1) all=67108864 none=33554432 half=50331648 ;;
*) all=33554432 none=0 half=16777216 ;;
esac
swaps() { cloister exec "$name" sh -c 'awk "NR > 1 { print \$1, \$3 }" /proc/swaps; awk "/^SwapTotal/ { print \$2 }" /proc/meminfo; free -k | awk "/^Swap/ { print \$2 }"' </dev/null 2>&1 | tr '\n' ' '; }
on="/dev/swap 32768 32768 32768 "
# A kernel can count memory and not swap.
accounted() {
	local name c=1
	name=$(cname accounted)
	launch --detach --name "$name" --rootfs "$root" -- sleep 1000 </dev/null >/dev/null || return 1
	limit_of "$name" | grep -qE '^(max|[0-9]+)$' && c=0
	cloister delete --force "$name"
	return $c
}
if ! have cgroup-memory; then
	skip cgroup-memory "swapoff and swapon"
elif ! accounted; then
	skip swapaccount "swapoff and swapon"
elif ! swapfile; then
	rm -f "$work/swapfile"
	skip swapfile "swapoff and swapon"
else
	on_exit swapoff "$work/swapfile"
	name=$(cname noswap)
	launch --detach --name "$name" --privileged --memory 32M --rootfs "$root" -- sleep 1000 </dev/null >/dev/null
	cloister update --memory-swap 64M "$name"
	like "$(swaps)" '^none 32768 ' "off: the swap has no name"
	is "$(cloister exec "$name" granted swapoff /dev/swap 2>&1 </dev/null; limit_of "$name")" "EPERM
$all" "and cannot be switched off"
	cloister delete --force "$name"
	settings '"swap": true'
	name=$(cname swap)
	with --detach --name "$name" --privileged --memory 32M -- sleep 1000 >/dev/null || fail "a container with it starts"
	ok "its engine gives it swap" cloister update --memory-swap 64M "$name"
	is "$(swaps)" "$on" "on: it has a name, and its size in swaps, meminfo and sysinfo"
	is "$(said swapoff -a; swaps; limit_of "$name")" "0 0 $none" "swapoff -a takes it away: the limit is none, and all say so"
	is "$(said granted swapoff /dev/swap)" EINVAL "a second time is EINVAL"
	is "$(said granted swapon /dev/swap; swaps; limit_of "$name")" "$on$all" "swapon brings it back, and no more"
	is "$(said granted swapon /dev/swap)" EBUSY "a second time is EBUSY"
	is "$(said sh -c '>/tmp/swap; granted swapon /tmp/swap; granted swapoff /tmp/swap; granted swapoff /dev/swap2; granted swapoff /dev/./swap' | sort -u)" EPERM "any other path is the kernel's to refuse"
	is "$(said granted -c 21 swapoff /dev/swap)" EPERM "without CAP_SYS_ADMIN"
	is "$(said unshare -Ur granted swapoff /dev/swap; said unshare -Urm granted swapoff /dev/swap)" "EPERM
EPERM" "in a nested user namespace"
	is "$(limit_of "$name")" "$all" "nothing came of these"
	# Whoever of the helpers dies meanwhile.
	said granted swapoff /dev/swap
	for pid in $(cloister status --json "$name" | json '" ".join(str(h["pid"]) for h in d["helpers"] if h["alive"] and h["name"] in ("cloister-warden", "its notifier", "cloister-fs"))'); do kill -9 "$pid"; done
	back() { cloister exec "$name" granted swapon /dev/swap </dev/null >"$tap_dir/back" 2>&1 || grep -q EBUSY "$tap_dir/back"; }
	ok "it comes back also after warden, notifier and server were killed" eventually 10 back
	is "$(swaps)" "$on" "as it was"
	# The engine's word holds.
	said granted swapoff /dev/swap
	ok "it can raise the limit of memory alone" cloister update --memory 48M "$name"
	is "$(limit_of "$name"; said granted swapon /dev/swap)" "$all
EBUSY" "which brings back what it had set"
	said granted swapoff /dev/swap
	cloister update --memory 32M --memory-swap 48M "$name"
	is "$(limit_of "$name"; said granted swapon /dev/swap)" "$half
EBUSY" "a limit that the engine sets meanwhile is what there is"
	said granted swapoff /dev/swap
	cloister update --memory 32M --memory-swap 32M "$name"
	is "$(said granted swapon /dev/swap; limit_of "$name")" "EPERM
$none" "if that is none, nothing comes back"
	cloister update --memory 32M --memory-swap 64M "$name"
	said granted swap-turned /dev/swap 1500 &
	turner=$!
	while kill -0 $turner 2>/dev/null; do
		cloister update --memory 32M --memory-swap 64M "$name"
		cloister update --memory 32M --memory-swap 48M "$name"
	done
	wait $turner
	said granted swapon /dev/swap >/dev/null
	is "$(case $(limit_of "$name") in "$none" | "$half") echo yes ;; esac)" yes "however quickly a container switches, no more comes back than the engine said last"
	# What is swapped out nobody brings back.
	cloister update --memory 32M --memory-swap 64M "$name"
	mkfifo "$tap_dir/hold"
	cloister exec "$name" granted hold 44 <"$tap_dir/hold" >"$tap_dir/held" 2>&1 &
	holder=$!
	exec 9>"$tap_dir/hold"
	ok "the container swaps" eventually 30 grep -q held "$tap_dir/held"
	is "$(said granted swapoff /dev/swap; limit_of "$name")" "ENOMEM
$all" "what is in use is not taken away: ENOMEM, and the limit is whole"
	exec 9>&-
	wait "$holder"
	cloister delete --force "$name"
fi
done_testing
