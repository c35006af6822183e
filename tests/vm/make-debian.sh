#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# make-debian.sh disk|tar|inside|inside-sid|build-trixie|build-sid
#
# A stock Debian, made by debootstrap out of the archive that this machine uses, cached; prints its
# path. `disk`: an ext4 disk for QEMU with systemd, AppArmor and docker.io, and the modules of the
# kernel that `fetch-kernel.sh 6.1` unpacks. `tar`: a root file system with apt, Python and a compiler,
# for engines to import. `inside`: a root file system with systemd, Docker, Podman and containerd, to run in a
# container as a machine runs them; `inside-sid`: the same of Debian's newest. `build-SUITE`: what Cloister
# is built and tried with on that one. A second run needs no network.
set -eu
cache=${CLOISTER_CACHE:-${HOME:-/root}/.cache/cloister}
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=tests/vm/archive.sh
. "$here/archive.sh"

case ${1-} in
disk)
	suffix=img
	packages="systemd,systemd-sysv,dbus,udev,kmod,apparmor,docker.io,containerd,runc,iptables,iproute2,procps,
		psmisc,fuse3,busybox-static,python3,strace,e2fsprogs,bpftool,xz-utils,libseccomp2,libglib2.0-0,
		libjansson4,ca-certificates"
	inputs="$here/guest-suites $here/guest-suites.service"
	;;
tar)
	suffix=tar
	packages="python3-minimal,gcc,libc6-dev,make,procps"
	inputs=
	;;
inside | inside-sid)
	suffix=tar
	packages="systemd,systemd-sysv,dbus,iptables,iproute2,procps,psmisc,busybox-static,python3-minimal,strace,
		e2fsprogs,ca-certificates"
	# These need each other, which is beyond debootstrap.
	later="docker.io containerd runc crun podman uidmap slirp4netns schroot bubblewrap"
	inputs=
	;;
build-trixie | build-sid)
	suffix=tar
	packages="ca-certificates"
	later="autoconf automake pkg-config gcc libc6-dev make libfuse3-dev fuse3 libseccomp-dev libglib2.0-dev
		libjansson-dev liburing-dev libcmocka-dev busybox-static procps psmisc iproute2 strace e2fsprogs
		python3-minimal acl attr libcap2-bin"
	inputs=
	;;
*) echo "usage: make-debian.sh disk|tar|inside|inside-sid|build-trixie|build-sid" >&2; exit 2 ;;
esac
suite=bookworm
case $1 in
inside-sid) suite=sid later="$later docker-cli docker-buildx" ;;
build-*) suite=${1#build-} ;;
esac
packages=$(tr -d "\n\t " <<<"$packages")
# shellcheck disable=SC2086
key=$( { echo "$packages ${later-}"; cat "$0" $inputs; } | sha256sum | cut -c 1-16)
image=$cache/debian-$1-$key.$suffix
[ ! -e "$image" ] || { echo "$image"; exit 0; }
if ! type -P debootstrap >/dev/null || [ -z "$archive_main" ] || [ ! -r "$archive_keyring" ]; then
	echo "make-debian: no debootstrap, or this system's apt sources name no Debian archive" >&2
	exit 77
fi
mkdir -p "$cache"
exec 9>"$cache/lock-debian-$1"
flock 9
[ ! -e "$image" ] || { echo "$image"; exit 0; }

tree=$(mktemp -d "$cache/tree.XXXXXX")
# shellcheck disable=SC2317
finish() {
	# debootstrap mounts proc and sys there while it runs.
	awk -v t="$tree/" 'index($5, t) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l
	rm -rf --one-file-system "$tree" "$image.new" "$image.log"
}
trap finish EXIT
chmod 0755 "$tree"
debootstrap --variant=minbase --include="$packages" --keyring="$archive_keyring" $suite "$tree" "$archive_main" \
	>"$image.log" 2>&1 9>&- || { tail -n 20 "$image.log" >&2; exit 1; }
if [ -n "${later-}" ]; then
	# No service starts in there.
	printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
	chmod 0755 "$tree/usr/sbin/policy-rc.d"
	cp /etc/resolv.conf /etc/hosts "$tree/etc/"
	echo "deb $archive_main $suite main" >"$tree/etc/apt/sources.list"
	{
		env -i PATH="$PATH" DEBIAN_FRONTEND=noninteractive chroot "$tree" apt-get -qq -o Acquire::Check-Valid-Until=false update &&
			env -i PATH="$PATH" DEBIAN_FRONTEND=noninteractive chroot "$tree" \
				apt-get -qq -y --no-install-recommends install $later
	} >"$image.log" 2>&1 9>&- || { tail -n 20 "$image.log" >&2; exit 1; }
	rm -f "$tree/usr/sbin/policy-rc.d" "$tree/etc/resolv.conf"
fi
rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/* "$tree"/usr/share/{doc,man,locale,info}/*
: >"$tree/etc/apt/sources.list"

make_disk() {
	local kernel unit
	kernel=$("$here/fetch-kernel.sh" 6.1)
	cp -a "$kernel/modules" "$tree/usr/lib/modules"
	depmod -b "$tree" "$(ls "$kernel/modules")"
	echo guest >"$tree/etc/hostname"
	printf '127.0.0.1 localhost guest\n' >"$tree/etc/hosts"
	echo 'uninitialized' >"$tree/etc/machine-id"
	printf '/dev/vda / ext4 rw 0 1\n' >"$tree/etc/fstab"
	# The tests start their own daemons; a guest that does nothing else is up sooner.
	for unit in docker.service docker.socket containerd.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
		e2scrub_all.timer e2scrub_reap.service fstrim.timer getty@tty1.service serial-getty@ttyS0.service \
		systemd-random-seed.service systemd-update-utmp.service systemd-networkd.service \
		systemd-journal-flush.service systemd-pstore.service systemd-machine-id-commit.service; do
		case $unit in
		docker.* | containerd.*) rm -f "$tree"/etc/systemd/system/*.wants/"$unit" ;;
		*) ln -sfn /dev/null "$tree/etc/systemd/system/$unit" ;;
		esac
	done
	install -m 0755 "$here/guest-suites" "$tree/usr/local/sbin/guest-suites"
	install -m 0644 "$here/guest-suites.service" "$tree/etc/systemd/system/guest-suites.service"
	ln -s ../guest-suites.service "$tree/etc/systemd/system/multi-user.target.wants/guest-suites.service"
	mke2fs -q -q -t ext4 -E root_owner=0:0,lazy_itable_init=1 -d "$tree" "$image.new" 3G >/dev/null
}

case $1 in
disk) make_disk ;;
tar | inside* | build-*) tar -C "$tree" --numeric-owner --exclude './dev/*' --exclude './proc/*' --exclude './sys/*' -c -f "$image.new" . ;;
esac
# Only the newest is kept.
rm -f "$cache"/debian-"$1"-????????????????."$suffix"
mv "$image.new" "$image"
echo "$image"
