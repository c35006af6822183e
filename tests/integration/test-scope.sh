#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --systemd-cgroup: what is said to systemd, with a stand-in on a private bus. The real one is asked in
# tests/vm/guest-systemd.sh.
. "${top_srcdir:-.}/tests/lib/tap.sh"
gate root
gate fuse
gate launcher
gate tool-dbus-daemon
need_containers
python=
for p in python3 /usr/bin/python3; do "$p" -c 'import dbus, gi' 2>/dev/null && python=$p && break; done
if [ -z "$python" ]; then
	skip tool-python3-dbus "everything: no Python with dbus and gi"
	done_testing
fi

cat >"$work/bus.conf" <<END
<busconfig><type>system</type><listen>unix:path=$work/bus</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
END
dbus-daemon --config-file="$work/bus.conf" --nofork &
daemon=$!
on_exit eval "kill $daemon; wait $daemon"
eventually 5 test -S "$work/bus"
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$work/bus
log=$work/log
"$python" "$tests_lib/fake-systemd.py" "$log" &
fake=$!
on_exit eval "kill $fake 2>/dev/null"
eventually 10 test -e "$log"

last() { grep "^\[\"$1\"" "$log" | tail -n 1; }
n=$(cname s)
unit=cloister-$n.scope
scoped() { cloister --systemd-cgroup "$@"; }
detached() { scoped launch --detach --name "$1" --memory 64m --pids 33 --cpus 0.5 -- sleep 1000 </dev/null >"$tap_dir/out" 2>&1 || { cat "$tap_dir/out"; return 1; }; }

ok "a container in a scope" detached "$n"
call=$(last StartTransientUnit)
is "$(json 'd[1:3]' <<<"$call")" "[\"$unit\", \"replace\"]" "the unit"
is "$(json 'd[3]["Slice"]' <<<"$call")" system.slice "its slice"
is "$(json 'd[3]["Delegate"], d[3]["DefaultDependencies"]' <<<"$call")" "[true, false]" "delegated, without dependencies"
is "$(json 'd[3]["TasksMax"], d[3]["CPUQuotaPerSecUSec"]' <<<"$call")" "[33, 500000]" "limits"
is "$(json 'd[3].get("MemoryMax", d[3].get("MemoryLimit"))' <<<"$call")" 67108864 "memory"
pid=$(cloister state "$n" | json 'd["pid"]')
placeholder=$(json 'd[3]["PIDs"][0]' <<<"$call")
isnt "$pid" "$placeholder" "a placeholder was the scope's first process"
ok "and is gone" test ! -e "/proc/$placeholder"
like "$(cat "/proc/$pid/cgroup")" "/system.slice/$unit" "the container's is in the scope's cgroup"
ok "update" cloister update --pids-limit 44 "$n"
is "$(json 'd[1:]' <<<"$(last SetUnitProperties)")" "[\"$unit\", true, {\"TasksMax\": 44}]" "tells systemd too"
ok "delete" cloister delete --force "$n"
is "$(json 'd[1]' <<<"$(last StopUnit)")" "$unit" "and stops the unit"
ok "no cgroup is left" sh -c "[ -z \"\$(find /sys/fs/cgroup -name '$unit')\" ]"
fails "job ended as .failed" "a job that fails" detached "$n-fails"
ok "leaves no container" test ! -e "$state/$n-fails"
ok "a failed unit of the name is reset" detached "$n-exists"
is "$(grep -c "ResetFailedUnit.*-exists" "$log")" 1 "once"
cloister delete --force "$n-exists"
kill $fake
wait $fake 2>/dev/null
fails 'systemd: start' "nobody there" detached "$n-2"
ok "leaves no container either" test ! -e "$state/$n-2"
ok "and no cgroup" sh -c "[ -z \"\$(find /sys/fs/cgroup -name '*$n-2*')\" ]"
is "$(pgrep -c -f "$n")" 0 "and no process"
find /sys/fs/cgroup -depth -type d -path '*/system.slice' -exec rmdir {} \; 2>/dev/null
done_testing
