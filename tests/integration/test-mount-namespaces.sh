#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Mount namespaces that Linux 7 makes of a tree (open_tree(2)), of a new file system (fsmount(2)) or of nothing
# (unshare(2)): what is locked stays so, and there is no bare procfs or sysfs. And what it lets be put beneath a mount.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox
root=$work/root
make_root "$root"
cp "$top_builddir"/tests/lib/newmount "$root/bin/"
mkdir -p "$root"/new "$root"/jail/{bin,proc,sys} "$work/volume"
cp "$root"/bin/{busybox,attack,newmount} "$root/jail/bin/"
for n in mount sh true; do ln -s busybox "$root/jail/bin/$n"; done
: >"$root/script"
shift_owners "$root"
need_containers --rootfs "$root"
name=$(cname namespaces)
inside() { cloister exec "$name" "$@" </dev/null; }
launch_detached "$name" --privileged --rootfs "$root" -v "$work/volume:/volume:ro" -- sleep 1000 ||
	{ fail "a container starts"; done_testing; }
# EINVAL: that is refused. ENODATA (Linux 7.2): it is seen there now, in the place of the cover, and locked as that was.
beneath() {
	local out
	out=$(inside "${@:2}" 2>&1) && out="it worked: $out"
	like "$out" '^(EINVAL|ENODATA)$' "$1: what is put beneath it can only take its place ($out)"
}
beneath "a cover" unshare -m attack reach-beneath /proc/uptime /script
beneath "a cover, propagating" attack reach-beneath-peer /proc/uptime /script
beneath "a cover, propagating, in a user namespace of one's own" unshare -Ur attack reach-beneath-peer /proc/uptime /script
beneath "a directory's cover, propagating" attack reach-beneath-peer /sys/class /jail
beneath "a directory's cover" unshare -m attack reach-beneath /sys/class /jail
beneath "a cover in a user namespace of one's own" unshare -Urm attack reach-beneath /proc/uptime /script
with_filter() {
	{ cat "$tests_lib/inside.sh"; cat; } >"$root/script" <<'END'
in_tree() { newmount namespace-of-tree "$@"; }
works "one of the whole tree is covered" in_tree / attack covered /proc/uptime
refused "unmounting a cover there" in_tree / attack umount /proc/uptime
refused "unmounting one lazily" in_tree / attack umount-lazy /proc/meminfo
refused "moving one" in_tree / attack move-mount /proc/meminfo /proc/version
refused "a bind that leaves them behind" in_tree / attack reach-by-clone /proc uptime
works "one of a part" in_tree /jail true
works "its new procfs is covered" in_tree /jail sh -c 'mount -t proc proc /proc && attack covered /proc/uptime && ! attack umount /proc/uptime'
refused "making a read-only volume writable" in_tree / attack remount-rw /volume
refused "by mount_setattr(2)" in_tree / attack remount-rw-setattr /volume
works "one of / has nothing of what lies on it" newmount namespace-of-one / sh -c '[ ! -e /proc/uptime ]'
works "and its new procfs is covered too" newmount namespace-of-one / sh -c 'mount -t proc proc /proc && attack covered /proc/uptime && ! attack umount /proc/uptime'
refused "one of /proc without its covers" newmount namespace-of-one /proc true
works "one of a new tmpfs" newmount namespace-of-new tmpfs size=64k tmpfs
refused "one of a new procfs" newmount namespace-of-new proc - tmpfs
refused "one of a new sysfs" newmount namespace-of-new sysfs - tmpfs
refused "one of nothing: a procfs there is not bare" newmount namespace-of-nothing uptime proc ""
refused "one of nothing: nor is a sysfs" newmount namespace-of-nothing devices/system/cpu/online sysfs ""
END
	inside sh /script >"$tap_dir/inside" 2>&1
	report_inside "with the filter" <"$tap_dir/inside"
	is "$(grep -cE '^(OK|BAD)' "$tap_dir/inside")" 17 "the script ran to its end"
}
# Whoever comes without the filter has the kernel alone for a judge.
unfiltered() { nsenter -t "$(init_pid "$name")" -U -m -p -n -S 0 -G 0 "$@" </dev/null 2>&1; }
without_filter() {
	local ns
	for ns in 'namespace-of-tree /jail mount -t' 'namespace-of-one /jail mount -t'; do
		# shellcheck disable=SC2086
		ok "(a tmpfs in a new namespace: ${ns%% *})" unfiltered newmount $ns tmpfs none /proc
		# shellcheck disable=SC2086
		fails '[Pp]ermission denied' "has nobody a bare procfs" unfiltered newmount $ns proc none /proc
	done
	ok "(a namespace of a procfs of subset=pid)" unfiltered newmount namespace-of-new proc subset=pid tmpfs
	fails EPERM "has nobody a whole one" unfiltered newmount namespace-of-new proc subset=pid proc
	fails EPERM "a namespace of a whole one" unfiltered newmount namespace-of-new proc - tmpfs
	fails EPERM "a procfs in an empty namespace" unfiltered newmount namespace-of-nothing uptime proc ""
	fails EPERM "a sysfs in an empty namespace" unfiltered newmount namespace-of-nothing devices/system/cpu/online sysfs ""
}
if inside newmount namespace-of-tree / true 2>"$tap_dir/why"; then
	with_filter
	without_filter
else
	is "$(cat "$tap_dir/why")" EINVAL "before Linux 7.0 open_tree(2) makes no namespace"
	skip open-tree-namespace "what is locked stays locked in a namespace made of mounts"
fi
cloister delete --force "$name"
done_testing
