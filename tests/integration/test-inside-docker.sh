#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Engines inside a container: Docker started by systemd, Podman, and what they run, with the outer
# container's views and its isolation. $INSIDE_KIND: the tree, see make-debian.sh. $INSIDE_PARTS: some of the functions
# part_*, with commas between; `again` wants `docker` before it.
TEST_TIMEOUT=${TEST_TIMEOUT:-500}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/machine.sh"
gate root; gate launcher; gate idmap
kind=${INSIDE_KIND:-inside}
machine_gate "$kind"
machine_root "$kind" || { fail "a Debian with engines"; done_testing; }
m=$(cname "$kind")
inside() { timeout $((120 * ${TEST_SLOW:-1})) "$(type -P cloister)" --root "$state" exec "$m" "$@" </dev/null 2>&1; }
docker() { inside docker "$@"; }
start() { machine_up "$m" "$kind" --memory 3g --hostname outer; }
ok "systemd boots" start
ok "Docker is up" eventually 60 inside docker version
[ "$kind" != inside-sid ] || ok "mount(8) by the new mount API alone" inside sh -c 'export LIBMOUNT_FORCE_MOUNT2=never && mount -t proc -o ro,hidepid=2 proc /mnt && umount /mnt && mount -t sysfs sysfs /mnt && umount /mnt'
like "$(docker info)" 'Storage Driver: overlay(2|fs)' "it uses overlay"

# An image of busybox, and our attacks, made inside.
make_root "$work/bb"
tar -C "$work/bb" -c . | cloister exec "$m" docker import - bb >/dev/null 2>&1
part_docker() {
	is "$(docker run --rm bb echo hello)" hello "docker run"
	like "$(docker run --rm bb cut -d . -f 1 /proc/uptime)" '^[0-9]+$' "a container in it reads /proc/uptime"
	below "$(docker run --rm bb cut -d . -f 1 /proc/uptime)" "$(machine_age)" "isolation: ... of the outer container"
	is "$(docker run --rm bb sed -n 's/^MemTotal: *//p' /proc/meminfo)" "3145728 kB" "isolation: and sees the outer container's memory"
	is "$(docker run --rm --network none bb ls /sys/class/net)" lo "--network none"
	is "$(docker run --rm bb ls /sys/class/net | xargs)" "eth0 lo" "/sys shows the inner network"
	is "$(docker run --rm --net=host bb hostname)" outer "--net=host is the outer container's"
	like "$(docker run --rm bb sh -c 'ping -c 1 "$(ip route | sed -n "s/^default via \([0-9.]*\).*/\1/p")"')" '1 packets received' "the bridge"
	inside sh -c 'mkdir -p /ctx; printf "FROM bb\nRUN echo built >/made && chown 7 /made\n" >/ctx/Dockerfile'
	ok "docker build" inside sh -c 'DOCKER_BUILDKIT=0 docker build --network none -t made /ctx'
	if [ "$kind" = inside-sid ]; then
		# Which that one has and uses if it is not told otherwise.
		inside sh -c 'mkdir -p /ctx/kit; printf "FROM made\nRUN --mount=type=cache,target=/c touch /c/f && cut -d . -f 1 /proc/uptime >/up\n" >/ctx/kit/Dockerfile'
		like "$(docker build --network none -t kit /ctx/kit)" 'load build definition' "docker build by BuildKit"
		below "$(docker run --rm kit head -n 1 /up)" "$(machine_age)" "isolation: its steps have the outer container's views"
	fi
	is "$(docker run --rm made sh -c 'cat /made; stat -c %u /made' | tr '\n' ' ')" "built 7 " "what it made"
	is "$(docker run --rm --privileged bb sh -c 'mount -t tmpfs x /mnt && stat -f -c %T /mnt')" tmpfs "--privileged"
	docker run -d --name web bb sleep 1000 >/dev/null
	below "$(docker exec web sh -c 'ls -d /proc/[0-9]* | wc -l')" 6 "docker exec, in a pid namespace of its own"
	ok "pause" docker pause web
	ok "unpause" docker unpause web
	docker rm -f web >/dev/null
}

# Each of the cgroup drivers makes cgroups inside: limits hold, and are what the engine reads back.
part_limits() {
	local driver
	machine_has_controllers "$kind" || return 0
	for driver in systemd cgroupfs; do
		inside sh -c "echo '{ \"exec-opts\": [ \"native.cgroupdriver=$driver\" ] }' >/etc/docker/daemon.json; systemctl restart docker" >/dev/null
		is "$(docker info --format '{{.CgroupDriver}}')" "$driver" "cgroup driver $driver"
		is "$(docker run --rm -m 64m --memory-swap 64m --pids-limit 20 --cpus 0.5 bb sh -c 'cd /sys/fs/cgroup; cat memory.max pids.max cpu.max 2>/dev/null ||
			cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us' | xargs)" "67108864 20 50000 100000" "$driver: limits"
		docker run --rm -m 16m --memory-swap 16m bb dd if=/dev/zero of=/dev/null bs=100M count=1 >/dev/null
		is $? 137 "$driver: ... of which the one of memory holds"
		docker run -d --name limited -m 64m bb sleep 1000 >/dev/null
		like "$(docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' limited)" '^[1-9].* / 64MiB 1$' "$driver: docker stats"
		docker rm -f limited >/dev/null
	done
}

part_covers() {
	# A sysctl set in an inner privileged container is the outer one's, and nobody else's.
	was=$(cat /proc/sys/vm/overcommit_memory)
	docker run --rm --privileged bb sh -c 'echo 1 >/proc/sys/vm/overcommit_memory' >/dev/null
	is "$(inside cat /proc/sys/vm/overcommit_memory)" 1 "a sysctl of an inner --privileged container shows outside of it"
	is "$(cat /proc/sys/vm/overcommit_memory)" "$was" "isolation: and not on the host"
	like "$(docker run --rm bb sh -c 'echo 2 >/proc/sys/vm/overcommit_memory' 2>&1)" 'Read-only|denied' "isolation: an inner unprivileged one cannot write it"
	is "$(inside cat /proc/sys/vm/overcommit_memory)" 1 "... and has not"
	like "$(docker run --rm --privileged bb sh -c 'umount /proc/uptime 2>&1; umount -l /proc/uptime 2>&1; cut -d . -f 1 /proc/uptime')" '[0-9]' "an inner --privileged container lifts no cover"
	below "$(docker run --rm --privileged bb sh -c 'umount -l /proc/uptime 2>/dev/null; cut -d . -f 1 /proc/uptime')" "$(machine_age)" "isolation: ... of /proc/uptime"
}

part_deeper() {
	# One level deeper: an inner container that mounts procfs in a namespace of its own ...
	below "$(docker run --rm --privileged bb unshare -Urpmf --mount-proc cut -d . -f 1 /proc/uptime)" "$(machine_age)" "isolation: procfs in a namespace of an inner container's own"
	# ... and Docker in Docker in the container.
	inside sh -c 'tar -C / --one-file-system -c usr bin sbin lib lib64 etc root | docker import - machine' >/dev/null
	docker run -d --name dind --privileged -v dind:/var/lib/docker --tmpfs /run machine \
		sh -c 'mkdir -p -m 1777 /tmp /var/tmp && exec dockerd >/log 2>&1' >/dev/null
	third() { inside docker exec dind docker "$@"; }
	if ! ok "Docker in a container of Docker's" eventually 40 inside docker exec dind docker version; then
		diag "$(inside docker exec dind tail -n 5 /log)"
	fi
	like "$(third info)" 'Storage Driver: overlay(2|fs)' "... on overlay"
	inside sh -c 'docker save bb | docker exec -i dind docker load' >/dev/null
	is "$(third run --rm bb sh -c 'echo third; ls /sys/class/net' | xargs)" "third eth0 lo" "... runs one, the third level"
	below "$(third run --rm --privileged bb sh -c 'umount -l /proc/uptime 2>/dev/null; cut -d . -f 1 /proc/uptime')" "$(machine_age)" "isolation: ... with the outermost's /proc/uptime"
	third run --rm --privileged bb sh -c 'echo 0 >/proc/sys/vm/overcommit_memory' >/dev/null
	is "$(inside cat /proc/sys/vm/overcommit_memory)" 0 "... whose sysctls it sets"
	docker rm -f -v dind >/dev/null
}

part_podman() {
	# Podman, rootful.
	tar -C "$work/bb" -c . | cloister exec "$m" podman import - bb >/dev/null 2>&1
	cgroups=()
	machine_has_controllers "$kind" || cgroups=(--cgroups=disabled)
	is "$(inside podman run --rm "${cgroups[@]}" --network none bb echo hello)" hello "podman run"

	# Rootless: its ids are among the container's 65536, which /etc/subuid has to say; and its overlay is on a
	# disk as well.
	inside sh -c 'useradd -m -u 2000 pod && echo pod:3000:60000 >/etc/subuid && cp /etc/subuid /etc/subgid &&
		install -d -m 755 /run/user && install -d -o pod -m 700 /run/user/2000 /var/lib/containers/pod; mount --make-rshared /'
	rootless() { timeout $((120 * ${TEST_SLOW:-1})) "$(type -P cloister)" --root "$state" exec "$m" su - pod -c "XDG_RUNTIME_DIR=/run/user/2000 podman --root /var/lib/containers/pod $*" 2>&1; }
	tar -C "$work/bb" -c . | rootless import - bb >/dev/null
	like "$(rootless run --rm --cgroups=disabled --network none bb cat /proc/self/uid_map </dev/null | tail -n 2 | xargs)" '^0 2000 1 1 3000 60000$' "podman run, rootless"
	is "$(rootless run --rm --cgroups=disabled --network slirp4netns bb ls /sys/class/net </dev/null | tail -n 2 | xargs)" "lo tap0" "... with a network of /dev/net/tun"
	below "$(rootless run --rm --cgroups=disabled --network none bb cut -d . -f 1 /proc/uptime </dev/null | tail -n 1)" "$(machine_age)" "isolation: ... with the container's views"

	# bubblewrap, which goes through the list of mounts and makes each read-only.
	is "$(inside su pod -c 'bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev id -u' | tail -n 1)" 2000 "bwrap: a sandbox of the whole tree, without power"
}

part_again() {
	# The images are kept over a restart of the outer container.
	cloister kill "$m" RTMIN+3 >/dev/null 2>&1
	gone() { ! cloister status "$m" >/dev/null 2>&1; }
	ok "the outer container shuts down" eventually 60 gone
	ok "... and starts again" start
	ok "... with Docker" eventually 60 inside docker version
	is "$(docker run --rm made cat /made)" built "... and its images"
}

parts=${INSIDE_PARTS:-docker,limits,covers,deeper,podman,again}
for part in ${parts//,/ }; do "part_$part"; done
cloister delete --force "$m"
done_testing
