#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# make-root.sh
#
# Makes the guest's disk (ext4) out of this machine's own programs and prints its path. It depends
# on installed packages only and is cached; what was just built travels on a second disk.
set -eu
cache=${CLOISTER_CACHE:-${HOME:-/root}/.cache/cloister}
here=$(cd "$(dirname "$0")" && pwd)

packages="bash dash coreutils util-linux mount procps iproute2 grep sed mawk findutils diffutils tar gzip
	hostname libc-bin libc6 kmod psmisc strace bpftool busybox-static passwd login base-files
	python3-minimal python3.11-minimal libpython3.11-minimal libpython3.11-stdlib
	e2fsprogs bsdutils ncurses-base fuse3 tzdata attr acl libcap2-bin"
have=
for p in $packages; do
	v=$(dpkg-query -W -f '${Version} ${db:Status-Abbrev}' "$p" 2>/dev/null || :)
	case $v in *ii*) have="$have $p=${v%% *}" ;; esac
done
key=$( { echo "$have"; cat "$0" "$here/guest-init"; } | sha256sum | cut -c 1-16)
image=$cache/root-$key.img
if [ -e "$image" ]; then
	echo "$image"
	exit 0
fi
mkdir -p "$cache"
exec 9>"$cache/lock-root"
flock 9
if [ -e "$image" ]; then
	echo "$image"
	exit 0
fi

tree=$(mktemp -d "$cache/tree.XXXXXX")
trap 'rm -rf "$tree" "$image.new"' EXIT
mkdir -p "$tree"/usr/{bin,sbin,lib,lib64,lib32,libx32,share} "$tree"/{proc,sys,dev,tmp,run,root,home,mnt,opt,srv,etc,var/tmp,var/lib,var/log,media}
for d in bin sbin lib lib64; do ln -s "usr/$d" "$tree/$d"; done
ln -s /run "$tree/var/run"
chmod 1777 "$tree/tmp" "$tree/var/tmp"

# Files of the packages, through this machine's own directory symlinks, without what tests never read.
# shellcheck disable=SC2046,SC2086
dpkg -L $(for p in $have; do echo "${p%%=*}"; done) |
	grep -Ev '^/(usr/share/(doc|man|locale|info|lintian|bug|zoneinfo|bash-completion)|etc|var)/|/(test|lib2to3|idlelib|tkinter|ensurepip|pydoc_data|__pycache__)/|\.pyc$' |
	while read -r f; do
		[ -f "$f" ] || [ -L "$f" ] || continue
		dir=${f%/*}
		dir=$(realpath "${dir:-/}")
		case $dir in /usr/*) echo "${dir#/}/${f##*/}" ;; esac
	done | sort -u >"$tree.files"
tar -C / -c -T "$tree.files" --no-recursion 2>/dev/null | tar -C "$tree" -x
# The libraries that they need.
(cd "$tree" && find usr -type f \( -perm -100 -o -name '*.so*' \) -print0 | xargs -0 ldd 2>/dev/null) |
	sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/lib64[^ ]*\) .*/\1/p' | sort -u |
	while read -r f; do
		real=$(realpath "${f%/*}")/${f##*/}
		[ -e "$tree$real" ] || { mkdir -p "$tree${real%/*}"; cp -L "$real" "$tree$real"; }
	done
# What update-alternatives would have made.
[ -e "$tree/usr/bin/awk" ] || [ ! -e "$tree/usr/bin/mawk" ] || ln -s mawk "$tree/usr/bin/awk"
[ -e "$tree/usr/bin/python3" ] || ln -s "$(basename "$(realpath "$(type -P python3)")")" "$tree/usr/bin/python3"
# Modules that suites import, compiled, as the packages' own scripts have it: under emulation json alone takes seconds.
chroot "$tree" /usr/bin/python3 -c 'import argparse, ctypes, fcntl, json, random, re, resource, signal, socket, struct, subprocess, tempfile, threading' || :
rm -f "$tree.files"

cat >"$tree/etc/passwd" <<END
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
user:x:1000:1000:user:/home:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
END
printf 'root:x:0:\ndaemon:x:1:\ntty:x:5:\nuser:x:1000:\nnogroup:x:65534:\n' >"$tree/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files\n' >"$tree/etc/nsswitch.conf"
printf '127.0.0.1 localhost guest\n' >"$tree/etc/hosts"
echo guest >"$tree/etc/hostname"
: >"$tree/etc/ld.so.conf"
[ ! -d /etc/ld.so.conf.d ] || cp -r /etc/ld.so.conf /etc/ld.so.conf.d "$tree/etc/"
: >"$tree/etc/fstab"
install -m 0755 "$here/guest-init" "$tree/usr/sbin/guest-init"
mke2fs -q -q -t ext4 -O ^has_journal -E root_owner=0:0,lazy_itable_init=1 -d "$tree" "$image.new" 1G >/dev/null
# Only the newest is kept.
rm -f "$cache"/root-*.img
mv "$image.new" "$image"
echo "$image"
