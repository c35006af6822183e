#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# System calls that a container is granted only where the settings say so: by default each is the kernel's
# to refuse, and costs nothing.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
root=$work/root
make_root "$root"
cp "$top_builddir/tests/lib/granted" "$root/bin/"
shift_owners "$root"
need_containers --rootfs "$root"
settings() { printf '{"cloister": {"inside": {%s}}}\n' "$1" >"$tap_dir/settings"; }
with() { cloister --settings "$tap_dir/settings" launch --rootfs "$root" "$@" </dev/null 2>&1; }

### sched_setscheduler(2): the kernel grants and refuses, by RLIMIT_RTPRIO
# bundle RLIMITS SCHEDULER: a process of an engine's, as it asks for it
bundle() {
	mkdir -p "$work/b"
	python3 - "$root" "$1" "$2" >"$work/b/config.json" <<'END'
import json, sys
root, rlimits, scheduler = sys.argv[1:]
process = {"terminal": False, "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0},
           "args": ["sh", "-c", "ulimit -r; ulimit -Hr"]}
if rlimits: process["rlimits"] = json.loads(rlimits)
if scheduler: process["scheduler"] = json.loads(scheduler)
json.dump({"ociVersion": "1.2.0", "root": {"path": root}, "process": process,
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
  "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "network", "cgroup", "user")]}}, sys.stdout)
END
}
engine() { cloister --settings "$tap_dir/settings" run --bundle "$work/b" "$(cname e)" </dev/null 2>&1; }
off() { launch --rootfs "$root" "$@" </dev/null 2>&1; }
settings '"sched_setscheduler": 10'
bundle '' '{"policy": "SCHED_FIFO", "priority": 11}'
like "$(engine)" 'above the highest real-time priority' "who is to begin above the settings' priority does not"
like "$(off -- granted realtime 5 echo x)" EPERM "off: no real-time priority"
like "$(with -- granted realtime 50 echo x)" EPERM "50 with a highest one of 10 is EPERM"
if have rlimit-rtprio; then
	is "$(with -- sh -c 'ulimit -r; ulimit -Hr' | tr '\n' ' ')" "10 10 " "on: that is the limit of its processes"
	like "$(with -- sh -c 'ulimit -r 11')" '[Nn]ot permitted|error' "which none of them raises"
	n=$(cname rt)
	with --detach --name "$n" -- sleep 1000 >/dev/null
	is "$(cloister exec "$n" sh -c 'ulimit -r; ulimit -Hr' </dev/null | tr '\n' ' ')" "10 10 " "and what exec starts"
	if have realtime-v2; then
		is "$(with -- granted realtime 10 echo yes)" yes "on: priorities up to it are the kernel's to grant"
		is "$(cloister exec "$n" granted realtime 5 echo yes </dev/null 2>&1)" yes "to what exec starts, too"
	else
		skip realtime-v2 "priorities up to it are the kernel's to grant"
	fi
	like "$(cloister exec "$n" granted realtime 50 echo x </dev/null 2>&1)" EPERM "and no higher one"
	cloister delete --force "$n"
	bundle '[{"type": "RLIMIT_RTPRIO", "soft": 20, "hard": 40}]' ''
	like "$(engine | tr '\n' ' ')" 'lowered to 10.* 10 10 $' "an engine that asks for more gets the settings' own, and is told"
	settings '"kmsg": false'
	is "$(engine | tr '\n' ' ')" "20 40 " "without the setting it gets what it asks for"
	settings '"sched_setscheduler": 0'
	like "$(engine | tr '\n' ' ')" 'lowered to 0.* 0 0 $' "with 0 none"
else
	like "$(with -- sh -c 'ulimit -r')" 'RLIMIT_RTPRIO stays at the most that is allowed' "where it cannot be given, it is said"
	skip rlimit-rtprio "priorities up to it are the kernel's to grant"
fi
done_testing
