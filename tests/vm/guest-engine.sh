#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Docker in the stock guest, as short as software emulation wants it: what differs from the hybrid host
# on which the long suites run is cgroup v2, systemd as Docker's cgroup driver, AppArmor and Linux 6.1.
. "${top_srcdir:-.}/tests/lib/tap.sh"
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-docker; gate tool-python3
diag "cgroup driver $engine_cgroup_driver"
engine_docker_ready d

if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	cgroups=0::/ limits="memory.max memory.swap.max pids.max cpu.max" memory=memory.max
	wanted="67108864 0 40 50000 100000"
else
	cgroups="$(sed 's|:[^:]*$|:/|' /proc/self/cgroup)" memory=memory/memory.limit_in_bytes
	limits="$memory memory/memory.memsw.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us"
	wanted="67108864 67108864 40 50000 100000"
fi
make_volume "$work/vol"
ask docker run --rm -m 64m --memory-swap 64m --cpus 0.5 --pids-limit 40 -v "$work/vol:/v" -v "$work/vol:/ro:ro" bb <<END
map: cat /proc/self/uid_map
uptime: cut -d . -f 1 /proc/uptime
mem: sed -n 's/^MemTotal: *//p' /proc/meminfo
cgroup: cat /proc/self/cgroup
limits: cd /sys/fs/cgroup; cat $limits
raise: test -e /sys/fs/cgroup/$memory && echo 999999999 >/sys/fs/cgroup/$memory 2>&1 || echo kept
aa: cat /proc/self/attr/apparmor/current
mount: attack mount tmpfs /mnt -; echo "mount \$?"
vol: stat -c %u /v/of-1000; echo x >/v/new; stat -c %u /v/new
ro: attack remount-rw /ro; touch /ro/x
dev: attack device /dev/x b 254 0; echo x >/dev/null && echo null-works
net: ip -o addr show eth0
END
unlike "${said[map]}" '^ *0 +0 ' "isolation: root is not the host's"
below "${said[uptime]}" 60 "isolation: uptime begins with the container"
said_is mem "65536 kB" "isolation: MemTotal is the limit"
said_is cgroup "$cgroups" "a cgroup namespace"
is "$(echo ${said[limits]})" "$wanted" "limits"
said_like raise '(kept|denied|Read-only)' "isolation: which it cannot raise"
said_like aa '^cloister-default \(enforce\)' "AppArmor: Cloister's profile in the place of docker-default"
is "$(echo ${said[vol]})" "1000 0" "a volume shows its owners"
is "$(stat -c %u "$work/vol/new")" 0 "... also on the host"
said_like ro 'Read-only' "isolation: a read-only volume stays read-only"
said_like dev 'null-works' "devices: the allowed ones work"
said_like net 'inet ' "a network"
is "$(docker run --rm --privileged bb sh -c 'attack mount tmpfs /mnt size=1m && echo mounted; cat /proc/self/uid_map')" \
	"$(printf 'mounted\n%s' "${said[map]}")" "isolation: --privileged mounts, in its own user namespace"
like "$(docker run --rm --security-opt apparmor=unconfined bb cat /proc/self/attr/apparmor/current)" unconfined "apparmor=unconfined"

docker run -d --name cc --restart no bb sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done' >/dev/null
ok "logs" eventually 60 logs_have cc ready
pid=$(pid_of cc)
case $engine_cgroup_driver in
systemd) like "$(cat "/proc/$pid/cgroup")" "\\.slice/docker-$(docker inspect -f '{{.Id}}' cc).scope\$" "a scope of systemd's" ;;
*) like "$(cat "/proc/$pid/cgroup")" "/$(docker inspect -f '{{.Id}}' cc)\$" "a cgroup of Docker's" ;;
esac
is "$(docker exec cc id -u)" 0 "exec"
ok "pause" docker pause cc
ok "unpause" docker unpause cc
ok "update" docker update -m 48m --memory-swap 48m cc
is "$(docker exec cc cat /sys/fs/cgroup/$memory)" 50331648 "... is seen inside"
is "$(docker exec cc sed -n 's/^MemTotal: *//p' /proc/meminfo)" "49152 kB" "isolation: ... in /proc/meminfo too"
echo host >"$work/file"
docker exec cc cat /tmp/file >/dev/null 2>&1
ok "cp to a name that was looked up" docker cp "$work/file" cc:/tmp/file
is "$(docker exec cc sh -c 'cat /tmp/file; stat -c %u /tmp/file' | tr '\n' ' ')" "host 0 " "... is there"
ok "stop" docker stop -t 60 cc
is "$(docker inspect -f '{{.State.ExitCode}}' cc)" 3 "... by its own handler"
ok "start again" docker start cc
ok "rm -f" docker rm -f cc

# systemd in a scope of systemd's.
machine() {
	local tree=$top_srcdir/trees/inside
	. "$tests_lib/machine.sh"
	machine_image "$tree"
	ok "a container with systemd" machine_run "$tree" -m 512m --memory-swap 512m
	ok "... boots" eventually 60 machine_settled docker exec box
	like "$(cat "/proc/$(pid_of box)/cgroup")" '^0::/.*\.slice/docker-.*\.scope/init\.scope$' "... has moved below its scope"
	ask docker exec box <<END
state: systemctl is-system-running
failed: systemctl --failed --no-legend --plain
cgroup: cat /proc/1/cgroup
raise: systemctl set-property --runtime -- -.slice MemoryMax=1G; echo 1G >/sys/fs/cgroup/memory.max; cat /sys/fs/cgroup/memory.max
END
	said_is state running "... to running"
	said_is failed "" "... no unit failed"
	said_is cgroup 0::/init.scope "... and sees its own cgroups alone"
	said_like raise '^536870912$' "isolation: it cannot raise what its scope has"
	machine_limits docker exec box
	ok "the host's systemd reloads" systemctl daemon-reload
	like "$(docker exec box systemd-run --wait --pipe -q -p TasksMax=30 sh -c 'cat /sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/pids.max')" '^30$' "... and what is delegated stays so"
	ok "docker stop" docker stop -t 100 box
	is "$(docker inspect -f '{{.State.ExitCode}}' box)" 130 "... shuts it down"
}
[ "$engine_cgroup_driver" != systemd ] || [ ! -d "$top_srcdir/trees/inside" ] || machine
engine_dockerd_stop d
done_testing
