# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A whole Debian as a container's root, for the suites that run systemd or engines inside. Sourced after
# tap.sh.

# Seconds since this suite began, which no machine of it has been up for longer than. The host may be young itself.
machine_born=$(cut -d . -f 1 /proc/uptime)
machine_age() { echo $(($(cut -d . -f 1 /proc/uptime) - machine_born + 1)); }

# machine_gate KIND: is it there, or can it be made? In a guest vm_tree() has put it.
machine_gate() { [ -d "$top_srcdir/trees/$1" ] || gate tool-debootstrap; }

# machine_tree KIND: the unpacked tree of make-debian.sh, which nobody changes.
machine_tree() {
	local tar tree
	[ ! -d "$top_srcdir/trees/$1" ] || { echo "$top_srcdir/trees/$1"; return; }
	tar=$(bash "$top_srcdir/tests/vm/make-debian.sh" "$1") || return 1
	tree=${tar%.tar}
	exec 8>"$tree.lock"
	flock 8
	if [ ! -d "$tree" ]; then
		rm -rf "${tar%-*}"-???????????????? "$tree.new"
		mkdir "$tree.new" && tar -C "$tree.new" -xf "$tar" && mv "$tree.new" "$tree" || return 1
	fi
	exec 8>&-
	echo "$tree"
}

# machine_root KIND: an overlay on that tree, as an engine would make one, at $work/KIND/root. Its upper
# directory is on the disk.
machine_root() {
	local tree dir=$work/$1
	tree=$(machine_tree "$1") || return 1
	mkdir -p "$dir"/{upper,work,root}
	mount -t overlay -o "lowerdir=$tree,upperdir=$dir/upper,workdir=$dir/work" overlay "$dir/root" || return 1
	on_exit umount "$dir/root"
	# The name of the machine that it was made on: a container has one of its own.
	rm -f "$dir/root/etc/hostname"
}

# machine_up NAME KIND [OPTION…]: boot it; returns when systemd has nothing more to start.
# systemd from 258 on runs on cgroup v2 only: where the machine has the older kind, it gets what there is
# of the newer.
machine_up() {
	local name=$1 kind=$2 init=(/sbin/init)
	shift 2
	[ "$kind" != inside-sid ] ||
		init=(sh -c '[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec /sbin/init')
	launch_detached "$name" --privileged --rootfs "$work/$kind/root" "$@" -- "${init[@]}" || return 1
	eventually 60 machine_settled cloister exec "$name"
}
# machine_settled COMMAND…: has systemd nothing more to start? COMMAND runs something in there.
machine_settled() {
	case $("$@" timeout $((60 * ${TEST_SLOW:-1})) systemctl is-system-running --wait 2>/dev/null) in running | degraded) ;; *) return 1 ;; esac
}

# Is there a cgroup v2 with controllers inside? On a machine with v1 hierarchies one of Debian's newest
# has none.
machine_has_controllers() { [ "$1" != inside-sid ] || [ -e /sys/fs/cgroup/cgroup.controllers ]; }
