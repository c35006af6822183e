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

# machine_image TREE: the image `machine` of the engine that `docker` talks to, without /usr, which is large: a volume;
# and without what was installed to be started, engines above all.
machine_image() {
	tar -C "$1" --exclude './usr/*' --exclude ./etc/hostname --exclude './etc/systemd/system/*.wants/*' --exclude './var/lib/apt/*' \
		--exclude './var/lib/dpkg/*' --exclude './var/cache/*' -c . | docker import - machine >/dev/null 2>&1
	printf 'FROM machine\nSTOPSIGNAL SIGRTMIN+3\nCMD ["/sbin/init"]\n' | DOCKER_BUILDKIT=0 docker build -q -t machine - >/dev/null 2>&1
}
machine_run() { # TREE [OPTION…]
	docker run -d --name box --privileged -v "$1/usr:/usr:ro" --tmpfs /run "${@:2}" machine >/dev/null
}

# machine_limits COMMAND…: are the limits of units in there real? COMMAND runs something in it.
machine_limits() {
	ask "$@" <<'END'
memory: systemd-run --wait -p MemoryMax=20M -p MemorySwapMax=0 dd if=/dev/zero of=/dev/null bs=100M count=1
fits: systemd-run --wait -p MemoryMax=200M -p MemorySwapMax=0 dd if=/dev/zero of=/dev/null bs=100M count=1
tasks: systemd-run --wait --pipe -q -p TasksMax=4 sh -c 'for i in 1 2 3 4 5 6; do sleep 5 & done; wait'
scope: systemd-run --scope -q --slice=a-b -p MemoryMax=20M sh -c 'cat /proc/self/cgroup; dd if=/dev/zero of=/dev/null bs=100M count=1'
cpu: systemd-run --wait --pipe -q -p CPUQuota=20% sh -c 'cd /sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup); cat cpu.max; timeout 1 sh -c "while :; do :; done"; cat cpu.stat'
user: printf "[Service]\nType=oneshot\nMemoryMax=20M\nExecStart=/bin/dd if=/dev/zero of=/dev/null bs=100M count=1\n" >/etc/systemd/user/eats.service; export XDG_RUNTIME_DIR=/run/user/5; systemctl set-environment XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR; systemctl start user@5; setpriv --reuid 5 --regid 60 --clear-groups sh -c "systemctl --user start eats; systemctl --user show -P Result eats"
END
	said_like memory 'result: (oom-kill|signal)' "a unit's MemoryMax= ends what takes more"
	said_like fits 'result: success' "... and nothing that takes less"
	said_like tasks 'Cannot fork' "a unit's TasksMax= holds"
	said_like scope ':/a\.slice/a-b\.slice/run-.*\.scope' "systemd-run --scope, in a slice"
	said_like scope '(Killed|Terminated)' "... with a limit that holds"
	# v1 gives no user cgroups. Whether a quota is reached is a matter of who else runs; a guest under emulation is alone.
	have cgroup2-only || return 0
	said_like cpu '^20000 100000' "a unit's CPUQuota="
	said_like cpu '^nr_throttled [1-9]' "... throttles it"
	said_like user '^oom-kill' "a user's own systemd has its cgroups: MemoryMax= of a unit of it holds"
}

# Is there a cgroup v2 with controllers inside? On a machine with v1 hierarchies one of Debian's newest
# has none.
machine_has_controllers() { [ "$1" != inside-sid ] || [ -e /sys/fs/cgroup/cgroup.controllers ]; }
