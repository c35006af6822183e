#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# enter-tree.sh TREE SCRATCH COMMAND…
#
# Runs a command with TREE as its root, in a mount namespace of its own: the tree is read-only and not changed;
# /proc, /sys, /dev and /run are the machine's; /tmp, /var/tmp, /root and /mnt/src are directories of SCRATCH.
# Not chroot(2): a process whose root is not that of its mount namespace gets no user namespace. Not an overlay:
# a host's own root is a file system that can be ID-mapped.
set -eu
tree=${1:?} scratch=${2:?}
[ -n "${ENTER_TREE:-}" ] || ENTER_TREE=1 exec unshare -m --propagation slave bash "$0" "$@"
unset ENTER_TREE
shift 2
mkdir -p "$scratch"/{src,tmp,var-tmp,root}
chmod 1777 "$scratch"/{tmp,var-tmp}
mount --bind "$tree" "$tree"
mount -t tmpfs -o mode=0755 places "$tree/mnt"
mkdir "$tree/mnt/src" "$tree/mnt/old"
for d in proc sys dev run; do
	mount --rbind "/$d" "$tree/$d"
done
mount --bind "$scratch/src" "$tree/mnt/src"
mount --bind "$scratch/tmp" "$tree/tmp"
mount --bind "$scratch/var-tmp" "$tree/var/tmp"
mount --bind "$scratch/root" "$tree/root"
mount -o remount,bind,ro "$tree"
cd "$tree"
pivot_root . mnt/old
cd /
umount -l /mnt/old
cd /mnt/src
exec env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
