#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Control groups: limits, devices, pause, update, ps, events; each read back from the kernel.
. "${top_srcdir:-.}/tests/lib/tap.sh"
gate root
gate fuse
gate launcher
gate tool-busybox
gate tool-python3
need_containers

v2=
[ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] || v2=1
root=$work/root
make_root "$root"
shift_owners "$root"

# dir CONTROLLER NAME: the cgroup of a container of ours on the host.
dir() { if [ -n "$v2" ]; then echo "/sys/fs/cgroup/$2"; else echo "/sys/fs/cgroup/$1/$2"; fi; }
# value NAME CONTROLLER V1-FILE V2-FILE
value() {
	local file=$3
	[ -z "$v2" ] || file=$4
	tr '\n' ' ' 2>&1 <"$(dir "$2" "cloister-$1")/$file" | sed 's/ $//'
}
has_file() { local f=$3; [ -z "$v2" ] || f=$4; [ -e "$(dir "$2" "cloister-$1")/$f" ]; }
# in_v V1 V2: what is wanted on this host
in_v() { if [ -n "$v2" ]; then echo "$2"; else echo "$1"; fi; }
# bundle DIR RESOURCES [CGROUPSPATH] [COMMAND…]
bundle() {
	local dir=$1
	mkdir -p "$dir"
	python3 - "$root" "$2" "${3:-}" "${@:4}" >"$dir/config.json" <<'END'
import json, sys
root, resources, path, *args = sys.argv[1:]
linux = {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "network", "cgroup", "user")]}
if resources: linux["resources"] = json.loads(resources)
if path: linux["cgroupsPath"] = path
json.dump({"ociVersion": "1.0.2", "root": {"path": root, "readonly": False}, "hostname": "h",
  "process": {"terminal": False, "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0},
    "args": args or ["/bin/sleep", "1000"]},
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}], "linux": linux}, sys.stdout)
END
}
run_bundle() { cloister run --detach --bundle "$1" "$2" </dev/null >"$tap_dir/run.out" 2>&1; }
update() { printf '%s' "$2" | cloister update --resources - "$1"; }

### update, by options

n=$(cname u)
ok "a container for the updates" launch_detached "$n" -- sleep 1000
ok "update takes all options at once" cloister update --memory 100m --memory-swap 200m --pids-limit 50 \
	--cpu-quota 50000 --cpu-period 100000 --cpu-share 512 --cpuset-cpus 0 --cpuset-mems 0 --kernel-memory 5m "$n"
is "$(value "$n" memory memory.limit_in_bytes memory.max)" 104857600 "memory"
if has_file "$n" memory memory.memsw.limit_in_bytes memory.swap.max; then
	is "$(value "$n" memory memory.memsw.limit_in_bytes memory.swap.max)" "$(in_v 209715200 104857600)" "memory and swap"
fi
is "$(value "$n" pids pids.max pids.max)" 50 "pids"
is "$(value "$n" cpu cpu.shares cpu.weight)" "$(in_v 512 59)" "shares"
[ -n "$v2" ] || is "$(value "$n" cpu cpu.cfs_quota_us -)/$(value "$n" cpu cpu.cfs_period_us -)" 50000/100000 "quota and period"
[ -z "$v2" ] || is "$(value "$n" cpu - cpu.max)" "50000 100000" "quota and period"
is "$(value "$n" cpuset cpuset.cpus cpuset.cpus)" 0 "CPUs"
is "$(value "$n" cpuset cpuset.mems cpuset.mems)" 0 "memory nodes"
ok "the period alone" cloister update --cpu-period 200000 "$n"
is "$(in_v "$(value "$n" cpu cpu.cfs_quota_us -)" "$(value "$n" cpu - cpu.max)")" "$(in_v 50000 "50000 200000")" "leaves the quota"
ok "a quota below, with its period" cloister update --cpu-quota 5000 --cpu-period 10000 "$n"
ok "and back up" cloister update --cpu-quota 500000 --cpu-period 1000000 "$n"
if has_file "$n" cpu cpu.cfs_burst_us cpu.max.burst; then
	ok "a burst with a lower quota" cloister update --cpu-quota 40000 --cpu-burst 40000 "$n"
	is "$(value "$n" cpu cpu.cfs_burst_us cpu.max.burst)" 40000 "burst"
	ok "both lower" cloister update --cpu-quota 20000 --cpu-burst 10000 "$n"
	is "$(value "$n" cpu cpu.cfs_burst_us cpu.max.burst)" 10000 "burst lower"
	fails 'burst' "no burst above the quota" cloister update --cpu-quota 20000 --cpu-burst 30000 "$n"
fi
if has_file "$n" cpu cpu.idle cpu.idle; then
	ok "idle" cloister update --cpu-idle 1 "$n"
	is "$(value "$n" cpu cpu.idle cpu.idle)" 1 "idle is set"
	ok "not idle, and shares, at once" cloister update --cpu-share 2048 --cpu-idle 0 "$n"
	is "$(value "$n" cpu cpu.shares cpu.weight)" "$(in_v 2048 174)" "shares after idle"
fi
ok "memory up, beyond the old sum" cloister update --memory 300m --memory-swap 300m "$n"
is "$(value "$n" memory memory.limit_in_bytes memory.max)" 314572800 "memory is up"
ok "memory down" cloister update --memory 80m --memory-swap 80m "$n"
is "$(value "$n" memory memory.limit_in_bytes memory.max)" 83886080 "memory is down"
ok "reservation" cloister update --memory-reservation 10m "$n"
is "$(value "$n" memory memory.soft_limit_in_bytes memory.low)" 10485760 "reservation is set"
ok "no limits" cloister update --memory -1 --cpu-quota -1 --pids-limit -1 "$n"
is "$(value "$n" pids pids.max pids.max)" max "pids without limit"
like "$(value "$n" memory memory.limit_in_bytes memory.max)" '^(max|9223372036854771712)$' "memory without limit"

### update, by a file

ok "pids limit 0" update "$n" '{"pids": {"limit": 0}}'
is "$(value "$n" pids pids.max pids.max)" 0 "is 0"
ok "a pids object without a limit changes nothing" update "$n" '{"pids": {}}'
ok "zeros that engines send change nothing" update "$n" '{"memory": {"limit": 0, "swap": 0, "reservation": 0},
	"cpu": {"shares": 0, "quota": 0, "period": 0, "cpus": ""}, "blockIO": {"weight": 0}, "pids": null}'
is "$(value "$n" pids pids.max pids.max)" 0 "pids is still 0"
echo '{"pids": {"limit": 44}, "unknown": {"x": 1}}' >"$work/r.json"
ok "a file; unknown properties are ignored" cloister update -r "$work/r.json" "$n"
is "$(value "$n" pids pids.max pids.max)" 44 "pids by the file"
ok "options go over the file" cloister update -r "$work/r.json" --pids-limit 45 "$n"
is "$(value "$n" pids pids.max pids.max)" 45 "pids by the option"
fails 'checkBeforeUpdate' "a memory limit below the use, looked at before" \
	update "$n" '{"memory": {"limit": 4096, "checkBeforeUpdate": true}, "pids": {"limit": 46}}'
is "$(value "$n" pids pids.max pids.max)" 45 "and nothing is changed"
fails 'cpuset.cpus' "CPUs that do not exist" update "$n" '{"cpu": {"cpus": "4000", "shares": 100}, "memory": {"limit": 50000000}}'
is "$(value "$n" cpu cpu.shares cpu.weight)" "$(in_v 2048 174)" "and the shares are put back"
like "$(value "$n" memory memory.limit_in_bytes memory.max)" '^(max|9223372036854771712)$' "and the memory"
while IFS='|' read -r want json; do
	fails "$want" "refused: $json" update "$n" "$json"
done <<'END'
linux.resources.memory.limit: give|{"memory": {"limit": "5"}}
linux.resources.memory.limit: give|{"memory": {"limit": -2}}
linux.resources.memory.limit: give|{"memory": {"limit": 1.5}}
linux.resources.memory: give|{"memory": 5}
linux.resources.memory.swap: give|{"memory": {"limit": 2000000, "swap": 1000000}}
linux.resources.memory.swappiness: give|{"memory": {"swappiness": 101}}
linux.resources.memory.disableOOMKiller: give|{"memory": {"disableOOMKiller": 1}}
linux.resources.memory.useHierarchy: give|{"memory": {"useHierarchy": false}}
linux.resources.cpu.shares: give|{"cpu": {"shares": 1}}
linux.resources.cpu.shares: give|{"cpu": {"shares": 262145}}
linux.resources.cpu.period: give|{"cpu": {"period": 999}}
linux.resources.cpu.quota: give|{"cpu": {"quota": 999}}
linux.resources.cpu.idle: give|{"cpu": {"idle": 2}}
linux.resources.cpu.cpus: give|{"cpu": {"cpus": 0}}
linux.resources.pids.limit: give|{"pids": {"limit": -2}}
linux.resources.blockIO.weight: give|{"blockIO": {"weight": 9}}
linux.resources.blockIO.weightDevice\[0\].major: give|{"blockIO": {"weightDevice": [{"minor": 0, "weight": 100}]}}
linux.resources.blockIO.throttleReadBpsDevice\[1\]: give|{"blockIO": {"throttleReadBpsDevice": [{"major": 7, "minor": 0, "rate": 1}, 5]}}
linux.resources.hugepageLimits\[0\].pageSize: give|{"hugepageLimits": [{"pageSize": "2MB/../x", "limit": 0}]}
linux.resources.network.classID: give|{"network": {"classID": 4294967296}}
linux.resources.network.priorities\[0\].name: give|{"network": {"priorities": [{"name": "a b", "priority": 1}]}}
linux.resources.unified: "a/b"|{"unified": {"a/b": "1"}}
linux.resources.unified.memory.max: give|{"unified": {"memory.max": 1}}
linux.resources.devices\[0\].allow: give|{"devices": [{"type": "c"}]}
linux.resources.devices\[0\].access: give|{"devices": [{"allow": true, "access": "rx"}]}
linux.resources.devices\[0\].type: give|{"devices": [{"allow": true, "type": "p"}]}
linux.resources.rdma.mlx5_0: give|{"rdma": {"mlx5_0": {}}}
linux.resources: give|[]
standard input:1|{"memory": }
END
fails 'resctrl' "no cache schema" cloister update --l3-cache-schema L3:0=1 "$n"
fails 'does not exist' "update of nobody" cloister update --memory 100m nobody
fails 1 "an unknown option" cloister update --nonsense "$n"
fails 'pids-limit "12x"' "a number that is none" cloister update --pids-limit 12x "$n"
if [ -z "$v2" ]; then
	ok "v1: the rest of memory" update "$n" '{"memory": {"swappiness": 7, "disableOOMKiller": true, "kernelTCP": 8192000}}'
	is "$(value "$n" memory memory.swappiness -)" 7 "swappiness"
	like "$(value "$n" memory memory.oom_control -)" 'oom_kill_disable 1' "the OOM killer is off"
	is "$(value "$n" memory memory.kmem.tcp.limit_in_bytes -)" 8192000 "TCP buffers"
	ok "v1: the OOM killer again" update "$n" '{"memory": {"disableOOMKiller": false}}'
	like "$(value "$n" memory memory.oom_control -)" 'oom_kill_disable 0' "is on"
	fails 'unified' "v1: unified is refused" update "$n" '{"unified": {"memory.max": "1"}}'
	[ -d /sys/fs/cgroup/hugetlb ] ||
		fails 'hugepageLimits.*controller "hugetlb"' "v1: a controller that is not there is named" \
			update "$n" '{"hugepageLimits": [{"pageSize": "2MB", "limit": 0}], "pids": {"limit": 47}}'
	[ -d /sys/fs/cgroup/net_cls ] ||
		fails 'network.classID' "v1: no net_cls here" update "$n" '{"network": {"classID": 5}}'
	ok "v1: throttles" update "$n" '{"blockIO": {"throttleReadBpsDevice": [{"major": 7, "minor": 0, "rate": 1000}],
		"throttleWriteIOPSDevice": [{"major": 7, "minor": 0, "rate": 20}]}}'
	is "$(value "$n" blkio blkio.throttle.read_bps_device -)" "7:0 1000" "bytes read"
	is "$(value "$n" blkio blkio.throttle.write_iops_device -)" "7:0 20" "write operations"
	is "$(value "$n" pids pids.max pids.max)" 45 "what was refused changed nothing"
	if has_file "$n" blkio blkio.bfq.weight -; then
		ok "v1: weight" cloister update --blkio-weight 321 "$n"
		is "$(value "$n" blkio blkio.bfq.weight -)" 321 "of BFQ"
	fi
else
	fails 'memory.swappiness' "v2: no swappiness" update "$n" '{"memory": {"swappiness": 7}}'
	fails 'disableOOMKiller' "v2: the OOM killer stays" update "$n" '{"memory": {"disableOOMKiller": true}}'
	fails 'realtimePeriod' "v2: no real time" update "$n" '{"cpu": {"realtimePeriod": 1000000}}'
	fails 'network.classID' "v2: no network classes" update "$n" '{"network": {"classID": 5}}'
	ok "v2: unified" update "$n" '{"unified": {"memory.high": "123457536", "pids.max": "48", "cgroup.max.depth": "5"}}'
	is "$(value "$n" - - memory.high)" 123457536 "memory.high"
	is "$(value "$n" - - pids.max)" 48 "pids.max"
	is "$(value "$n" - - cgroup.max.depth)" 5 "a key that we do not know"
	fails 'nonsense.max' "v2: a file that does not exist" update "$n" '{"unified": {"nonsense.max": "1"}, "pids": {"limit": 47}}'
	is "$(value "$n" - - pids.max)" 48 "and nothing is changed"
	if has_file "$n" - - io.max && [ -b /dev/vda ]; then
		ok "v2: throttles" update "$n" '{"blockIO": {"throttleReadBpsDevice": [{"major": 254, "minor": 0, "rate": 1000}],
			"throttleWriteIOPSDevice": [{"major": 254, "minor": 0, "rate": 20}]}}'
		is "$(value "$n" - - io.max)" "254:0 rbps=1000 wbps=max riops=max wiops=20" "both"
	fi
	if has_file "$n" - - hugetlb.2MB.max; then
		ok "v2: huge pages" update "$n" '{"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]}'
		is "$(value "$n" - - hugetlb.2MB.max)" 4194304 "in use"
	fi
fi

### ps

cloister update --pids-limit 100 "$n"
sub=$(dir "$(in_v freezer -)" "cloister-$n")/sub
cloister exec "$n" sleep 1001 </dev/null >/dev/null 2>&1 &
exec_pid=$!
eventually 5 pgrep -f '^sleep 1001$' >/dev/null
moved=$(pgrep -f '^sleep 1001$' | head -n 1)
mkdir "$sub" && echo "$moved" >"$sub/cgroup.procs"
is "$(cloister ps -f json "$n" | json 'sorted(d)')" \
	"$(printf '[%s, %s]' "$(printf '%s\n' "$(init_pid "$n")" "$moved" | sort -n | head -n 1)" "$(printf '%s\n' "$(init_pid "$n")" "$moved" | sort -n | tail -n 1)")" \
	"ps: the host's pids, also of a cgroup below"
is "$(cloister ps "$n" | wc -l)" 3 "ps: a header and two lines"
is "$(cloister ps "$n" -e -o comm,pid | awk 'NR > 1 { print $1 }' | sort -u)" sleep "ps: options for ps"
fails 'no column PID' "ps: without a column PID" cloister ps "$n" -o comm
fails 'format' "ps: a format that is none" cloister ps -f yaml "$n"

### exec where PID 1's place in v2 cannot be found

# As a container with a cgroup file system to write to can do: the kernel tells no path so long.
hide_place() { # CGROUP PID
	python3 - "$@" <<'END'
import os, sys
os.chdir(sys.argv[1])
for _ in range(23):
    os.mkdir("x" * 200)
    os.chdir("x" * 200)
open("cgroup.procs", "w").write(sys.argv[2])
END
}
unified=/sys/fs/cgroup$([ -n "$v2" ] || echo /unified)
if [ -d "$unified/cloister-$n" ]; then
	ok "PID 1 goes where no path leads" hide_place "$unified/cloister-$n" "$(init_pid "$n")"
	cloister exec "$n" sleep 1002 </dev/null >"$tap_dir/hidden.out" 2>&1 &
	exec_pid=$!
	eventually 5 pgrep -f '^sleep 1002$' >/dev/null
	hidden=$(pgrep -f '^sleep 1002$' | head -n 1)
	is "$(sed -n 's/^0:://p' "/proc/$hidden/cgroup")" "/cloister-$n" "exec: in the container's cgroup all the same"
	kill "$hidden"
	wait "$exec_pid" 2>/dev/null
fi

### pause and resume, kill --all

frozen() { if [ -n "$v2" ]; then grep -qx 'frozen 1' "$(dir - "cloister-$n")/cgroup.events"; else [ "$(value "$n" freezer freezer.state -)" = FROZEN ]; fi; }
fails 'not paused' "resume what is not paused" cloister resume "$n"
ok "pause" cloister pause "$n"
ok "the kernel says so" frozen
is "$(cloister state "$n" | json 'd["status"]')" paused "state says so"
fails 'already paused' "no second pause" cloister pause "$n"
like "$(cloister status "$n")" 'emulated files: served' "the helpers go on"
ok "resume" cloister resume "$n"
fails '*' "the kernel says so" frozen
is "$(cloister state "$n" | json 'd["status"]')" running "state says so"
fails 'does not exist' "pause of nobody" cloister pause nobody
ok "kill --all reaches a cgroup below" cloister kill --all "$n" TERM
eventually 3 test ! -e "/proc/$moved"
ok "and its process is gone" test ! -e "/proc/$moved"
wait "$exec_pid" 2>/dev/null
rmdir "$sub" 2>/dev/null
eventually 3 test ! -e "$(dir memory "cloister-$n")"
cloister delete --force "$n"

n=$(cname p)
launch_detached "$n" -- sleep 1000
cloister pause "$n"
ok "KILL ends a paused container" cloister kill "$n" KILL
eventually 5 test ! -d "$state/$n"
ok "and it is gone" test ! -d "$state/$n"

### What create sets

b=$work/b
n=$(cname c)
bundle "$b" '{"memory": {"limit": 67108864, "swap": 100663296, "reservation": 33554432},
	"cpu": {"shares": 512, "quota": 30000, "period": 60000, "cpus": "0", "mems": "0"}, "pids": {"limit": 0},
	"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"},
		{"allow": true, "type": "b", "access": "m"}]}' "/cloister-$n"
ok "create with limits" run_bundle "$b" "$n"
diag "$(cat "$tap_dir/run.out")"
is "$(value "$n" memory memory.limit_in_bytes memory.max)" 67108864 "create: memory"
is "$(value "$n" cpu cpu.shares cpu.weight)" "$(in_v 512 59)" "create: shares"
is "$(value "$n" pids pids.max pids.max)" 1 "create: a pids limit of 0 leaves the first process alone"

# As the host's root in the container's cgroup: only the cgroup is in the way.
in_cgroup() { sh -c 'for d in "$@"; do [ "$d" = -- ] && break; echo $$ >"$d/cgroup.procs" || exit 9; shift; done; shift; exec "$@"' sh "$@"; }
dev_dirs() { dir devices "$1"; }
mkdir -p "$work/dev"
mknod "$work/dev/loop" b 7 0; mknod "$work/dev/null" c 1 3; mknod "$work/dev/fuse" c 10 229; mknod "$work/dev/kmsg" c 1 11
mknod "$work/dev/tun" c 10 200; mknod "$work/dev/ptmx" c 5 2
ok "devices: null" in_cgroup "$(dev_dirs "cloister-$n")" -- dd if="$work/dev/null" of="$work/dev/null" count=1
ok "devices: fuse, which the specification allows" in_cgroup "$(dev_dirs "cloister-$n")" -- sh -c ": <>$work/dev/fuse"
fails 'not permitted' "devices: not kmsg" in_cgroup "$(dev_dirs "cloister-$n")" -- dd if="$work/dev/kmsg" count=1
fails 'not permitted' "devices: no block device" in_cgroup "$(dev_dirs "cloister-$n")" -- dd if="$work/dev/loop" count=1
ok "devices: a node of one can be made" in_cgroup "$(dev_dirs "cloister-$n")" -- mknod "$work/dev/made" b 7 1
fails 'not permitted' "devices: another cannot" in_cgroup "$(dev_dirs "cloister-$n")" -- mknod "$work/dev/made2" c 1 11
ok "devices: update" update "$n" '{"devices": [{"allow": false}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}]}'
ok "devices: now kmsg" in_cgroup "$(dev_dirs "cloister-$n")" -- sh -c ": <$work/dev/kmsg"
fails '*' "devices: only to read" in_cgroup "$(dev_dirs "cloister-$n")" -- sh -c ": >$work/dev/kmsg"
fails '*' "devices: no fuse any more" in_cgroup "$(dev_dirs "cloister-$n")" -- sh -c ": <>$work/dev/fuse"
fails 'not permitted' "devices: and no node" in_cgroup "$(dev_dirs "cloister-$n")" -- mknod "$work/dev/made3" b 7 1
if [ -n "$v2" ]; then
	have_hole=$(update "$n" '{"devices": [{"allow": true, "type": "c", "major": 1}, {"allow": false, "type": "c", "major": 1, "minor": 11}]}' 2>&1)
	is "$have_hole" "" "devices: a hole in a range"
	fails 'not permitted' "devices: holds" in_cgroup "$(dev_dirs "cloister-$n")" -- dd if="$work/dev/kmsg" count=1
else
	fails 'v1 cannot deny' "devices: v1 has no holes, and says so" \
		update "$n" '{"devices": [{"allow": true, "type": "c", "major": 1}, {"allow": false, "type": "c", "major": 1, "minor": 11}]}'
fi
ok "devices: any" update "$n" '{"devices": [{"allow": true, "access": "rwm"}]}'
ok "devices: any is tun" in_cgroup "$(dev_dirs "cloister-$n")" -- sh -c "[ ! -c /dev/net/tun ] || : <>$work/dev/tun"
fails 'not permitted' "devices: any is no disk" in_cgroup "$(dev_dirs "cloister-$n")" -- dd if="$work/dev/loop" count=1
fails 'not permitted' "devices: any is no kernel log" in_cgroup "$(dev_dirs "cloister-$n")" -- dd if="$work/dev/kmsg" count=1
if [ -n "$v2" ] && type -P bpftool >/dev/null; then
	is "$(bpftool cgroup show "$(dir - "cloister-$n")" 2>/dev/null | grep -c cloister_dev)" 1 "devices: updates leave one program"
fi

### Paths

cloister delete --force "$n"
ok "delete removes the cgroup" test ! -e "$(dir memory "cloister-$n")"
long=$(printf 'x%.0s' {1..120})
bundle "$b" '' "/cloister-$n a/ b	c/$long/$long/$long"
ok "a path with blanks and 380 bytes" run_bundle "$b" "$n"
ok "is a cgroup" test -d "$(dir memory "cloister-$n a/ b	c/$long/$long/$long")"
ok "exec finds it" cloister exec "$n" /bin/true
ok "pause finds it" cloister pause "$n"
ok "delete finds it" cloister delete --force "$n"
ok "and removes it" test ! -e "$(dir memory "cloister-$n a/ b	c/$long/$long/$long")"
find /sys/fs/cgroup -depth -type d -path "*/cloister-$n a*" -exec rmdir {} \; 2>/dev/null
bundle "$b" '' "cloister-rel-$n/x"
ok "a relative path" run_bundle "$b" "$n"
ok "is below the root of the hierarchy" test -d "$(dir memory "cloister-rel-$n/x")"
cloister delete --force "$n"
find /sys/fs/cgroup -depth -type d -name "cloister-rel-$n" -exec rmdir {} \; 2>/dev/null
bundle "$b" '{"memory": {"limit": "x"}}' "/cloister-$n"
fails 'linux.resources.memory.limit' "create refuses what is no limit" cloister run --detach --bundle "$b" "$n"
bundle "$b" '{"cpu": {"cpus": "4000"}}' "/cloister-$n"
fails 'cpuset.cpus' "create refuses what the kernel refuses" cloister run --detach --bundle "$b" "$n"
ok "and leaves no cgroup" test ! -e "$(dir memory "cloister-$n")"
ok "and no container" test ! -e "$state/$n"

### events

n=$(cname e)
bundle "$b" '{"memory": {"limit": 33554432, "swap": 33554432}, "pids": {"limit": 77}}' "/cloister-$n" /bin/sh -c \
	'while [ ! -e /go ]; do sleep 0.1; done; (a=0123456789abcdef; while :; do a=$a$a; done); sleep 1000'
rm -f "$root/go"
ok "a container for the events" run_bundle "$b" "$n"
stats=$(cloister events --stats "$n")
is "$(json 'd["type"]' <<<"$stats")" stats "events: a type"
is "$(json 'd["id"]' <<<"$stats")" "$n" "events: the container"
is "$(json 'd["data"]["memory"]["usage"]["limit"]' <<<"$stats")" 33554432 "events: the limit of memory"
is "$(json 'd["data"]["pids"]["limit"]' <<<"$stats")" 77 "events: the limit of pids"
is "$(json 'd["data"]["memory"]["usage"]["usage"] > 0 and d["data"]["cpu"]["usage"]["total"] > 0 and d["data"]["pids"]["current"] > 0' <<<"$stats")" true \
	"events: memory, CPU time and processes are counted"
is "$(json 'sorted(d["data"])' <<<"$stats" | tr -d ' ')" '["blkio","cpu","hugetlb","intel_rdt","memory","network_interfaces","pids"]' "events: runc's keys"
cloister events --interval 200ms "$n" >"$work/events" 2>&1 &
events=$!
eventually 5 grep -q stats "$work/events"
ok "events: stats come by themselves" grep -q '"type":"stats"' "$work/events"
touch "$root/go"
eventually 20 grep -q '"type":"oom"' "$work/events"
ok "events: the kernel killed for want of memory" grep -qx "{\"type\":\"oom\",\"id\":\"$n\"}" "$work/events"
cloister delete --force "$n"
eventually 3 test ! -e "/proc/$events"
ok "events ends with the container" test ! -e "/proc/$events"
wait "$events" 2>/dev/null
fails 'interval' "an interval that is none" cloister events --interval 5x "$n"
fails 'does not exist' "events of nobody" cloister events --stats "$n"
done_testing
