#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --systemd-cgroup: containers as scopes of a real systemd, on cgroup v2 or on v1 hierarchies.
. "${top_srcdir:-.}/tests/lib/tap.sh"
gate root
gate fuse
gate launcher
if [ ! -S /run/systemd/private ]; then
	echo "1..0 # SKIP systemd is not the first process"
	tap_done=1
	exit 0
fi
scoped() { cloister --systemd-cgroup "$@"; }
# What runs detached keeps the output open.
start() { scoped run --detach --bundle "$b" "$n" </dev/null >"$tap_dir/run.out" 2>&1 || { cat "$tap_dir/run.out"; return 1; }; }
show() { systemctl show -P "$2" "$1"; }
bundle() { # DIR CGROUPSPATH RESOURCES
	mkdir -p "$1/root"/{bin,proc,sys,dev,tmp}
	[ -e "$1/root/bin/sleep" ] || make_root "$1/root"
	python3 - "$2" "$3" >"$1/config.json" <<'END'
import json, sys
json.dump({"ociVersion": "1.0.2", "root": {"path": "root"}, "hostname": "h",
  "process": {"terminal": False, "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}, "args": ["/bin/sleep", "1000"]},
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
  "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "network", "cgroup", "user")],
    "cgroupsPath": sys.argv[1], "resources": json.loads(sys.argv[2])}}, sys.stdout)
END
}
b=$work/b
n=$(cname s)
unit=docker-$n.scope
scope=/system.slice/$unit
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	v2=1 cg=/sys/fs/cgroup$scope
	memory=MemoryMax weight=CPUWeight shares_512=59 shares_1024=100
	limits() { echo "$(cat "$cg/memory.max")/$(cat "$cg/pids.max")/$(cat "$cg/cpu.weight")"; }
	quota() { cat "$cg/cpu.max"; }
	frozen() { grep frozen "$cg/cgroup.events"; }
else
	v2='' cg=/sys/fs/cgroup/pids$scope
	memory=MemoryLimit weight=CPUShares shares_512=512 shares_1024=1024
	limits() { echo "$(cat "/sys/fs/cgroup/memory$scope/memory.limit_in_bytes")/$(cat "$cg/pids.max")/$(cat "/sys/fs/cgroup/cpu$scope/cpu.shares")"; }
	quota() { echo "$(cat "/sys/fs/cgroup/cpu$scope/cpu.cfs_quota_us") $(cat "/sys/fs/cgroup/cpu$scope/cpu.cfs_period_us")"; }
	frozen() { sed 's/FROZEN/frozen 1/' "/sys/fs/cgroup/freezer$scope/freezer.state"; }
	is "$(ls /sys/fs/cgroup/systemd/init.scope/cgroup.procs 2>&1)" /sys/fs/cgroup/systemd/init.scope/cgroup.procs "systemd is on v1"
fi
bundle "$b" "system.slice:docker:$n" '{"memory": {"limit": 134217728, "swap": 134217728}, "cpu": {"shares": 512, "quota": 33333, "period": 100000, "cpus": "0"},
	"pids": {"limit": 99}, "devices": [{"allow": false}]}'
ok "run in a scope" start
is "$(show "$unit" ActiveState)" active "the unit is active"
is "$(show "$unit" Slice)" system.slice "in its slice"
is "$(show "$unit" Delegate)" yes "delegated"
is "$(show "$unit" $memory)" 134217728 "$memory"
is "$(show "$unit" TasksMax)" 99 "TasksMax"
is "$(show "$unit" $weight)" $shares_512 "$weight"
is "$(show "$unit" CPUQuotaPerSecUSec)" 340ms "CPU quota, rounded up"
if [ "$v2" ]; then
	is "$(show "$unit" MemorySwapMax)" 0 "MemorySwapMax"
	is "$(show "$unit" AllowedCPUs)" 0 "AllowedCPUs"
fi
pid=$(cloister state "$n" | json 'd["pid"]')
# v1: systemd makes no cgroup in the hierarchies that it does not know.
is "$(grep -v ":$scope$" "/proc/$pid/cgroup" | grep -vE "^([0-9]+:(rdma|misc)|0:):/$")" "" "the container's first process is in it"
is "$(cat "$cg/cgroup.procs")" "$pid" "and nobody else"
is "$(quota)" "33333 100000" "the quota itself is exact"
ok "systemd reloads" systemctl daemon-reload
is "$(limits)" 134217728/99/$shares_512 "and the limits are still there"
fails 'not permitted' "so are the device rules" sh -c "echo \$\$ >${cg/pids/${v2:-devices}}/cgroup.procs; : </dev/kmsg"
ok "update" scoped update --memory 64m --memory-swap 64m --pids-limit 50 --cpu-share 1024 "$n"
is "$(show "$unit" $memory)/$(show "$unit" TasksMax)/$(show "$unit" $weight)" 67108864/50/$shares_1024 "systemd knows the new limits"
is "$(limits)" 67108864/50/$shares_1024 "the kernel too"
systemctl daemon-reload
is "$(limits)" 67108864/50/$shares_1024 "also after a reload"
ok "pause" cloister pause "$n"
is "$(frozen)" "frozen 1" "freezes the scope"
ok "resume" cloister resume "$n"
ok "exec" cloister exec "$n" /bin/true
fails '*' "the same name again" scoped run --detach --bundle "$b" "$n.2"
is "$(show "$unit" ActiveState)" active "leaves the unit alone"
cloister kill "$n" KILL
ok "delete" scoped delete --force "$n"
is "$(show "$unit" ActiveState)" inactive "no unit"
ok "no cgroup" test ! -e "$cg"
ok "at once again" start
is "$(show "$unit" ActiveState)" active "under the same name"
# Not `stop`: a first process without a handler sits out TERM, and systemd then waits 90 s.
systemctl kill -s KILL "$unit"
eventually 5 test ! -e "/proc/$(cloister state "$n" | json 'd["pid"]')"
is "$(cloister state "$n" | json 'd["status"]')" stopped "systemctl kill ends the container"
ok "delete it" cloister delete "$n"

bundle "$b" "test-sub.slice:cloister:$n" '{}'
ok "a slice of a slice" start
ok "has its path" test -d "${cg%$scope}/test.slice/test-sub.slice/cloister-$n.scope"
scoped delete --force "$n"
bundle "$b" "$n/path" '{}'
fails 'SLICE:PREFIX:NAME' "a path is none of systemd's" start
bundle "$b" "a--b.slice:x:$n" '{}'
fails 'not the name of a slice' "a slice that is none" start
bundle "$b" "" '{"cpu": {"cpus": "4000"}}'
fails 'cpuset|AllowedCPUs|CPUs' "limits that cannot be" start
is "$(show "cloister-$n.scope" ActiveState)" inactive "leave no unit"
# The cgroup goes before systemd has heard that it is empty, or after: no unit may stay either way.
for _ in {1..10}; do
	start >/dev/null
done
is "$(show "cloister-$n.scope" ActiveState)" inactive "nor do ten of them"
ok "launch in a scope" sh -c "cloister --systemd-cgroup --root $state launch --detach --name $n -- sleep 1000 >$tap_dir/run.out 2>&1"
is "$(show "cloister-$n.scope" Slice)" system.slice "of our own name"
cloister delete --force "$n"
is "$(show "cloister-$n.scope" ActiveState)" inactive "is gone with its container"
ok "launch in a scope that ends by itself" sh -c "cloister --systemd-cgroup --root $state launch --detach --name $n -- true >$tap_dir/run.out 2>&1"
gone() { [ "$(show "cloister-$n.scope" ActiveState)" = inactive ]; }
ok "the warden lets go of it" eventually 20 gone
systemctl stop test.slice test-sub.slice 2>/dev/null
is "$(pgrep -c -f "$n")" 0 "no placeholder is left"
done_testing
