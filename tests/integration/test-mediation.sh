#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# System calls that the warden answers tell what the views tell, whoever of the helpers dies meanwhile.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox
root=$work/root
make_root "$root"
cp "$top_builddir/tests/lib/mediated" "$root/bin/"
shift_owners "$root"
need_containers --rootfs "$root"
name=$(cname mediation)
memory=
have cgroup-memory && memory='--memory 64M'
# shellcheck disable=SC2086
launch_detached "$name" --rootfs "$root" $memory --cpus 1 -- sleep 1000 || { fail "a container starts"; done_testing; }
inside() { cloister exec "$name" "$@" </dev/null; }
said() { awk -v k="$1" '$1 == k { print $2 }'; }

### sysinfo(2)
like "$(cloister status "$name")" 'system calls: mediated' "status says that the warden takes part"
inside sh -c 'mediated sysinfo; cat /proc/meminfo /proc/loadavg /proc/uptime' >"$tap_dir/sysinfo"
kb() { awk -v k="$1:" '$1 == k { print $2 }' "$tap_dir/sysinfo"; }
near() { below $(($1 - $2)) "$3" "$4" && below $(($2 - $1)) "$3" "$4 and not below"; }
is "$(said totalram <"$tap_dir/sysinfo")" "$(kb MemTotal)" "totalram is MemTotal"
[ -z "$memory" ] || is "$(kb MemTotal)" 65536 "which is the limit"
near "$(said freeram <"$tap_dir/sysinfo")" "$(kb MemFree)" 2048 "freeram is MemFree"
is "$(said bufferram <"$tap_dir/sysinfo")" "$(kb Buffers)" "bufferram is Buffers"
is "$(said totalswap <"$tap_dir/sysinfo")" "$(kb SwapTotal)" "totalswap is SwapTotal"
below "$(said procs <"$tap_dir/sysinfo")" 20 "procs counts the container's tasks"
below 1 "$(said procs <"$tap_dir/sysinfo")" "and there are some"
below "$(said uptime <"$tap_dir/sysinfo")" "$(($(tail -n 1 "$tap_dir/sysinfo" | cut -d. -f1) + 1))" "uptime is that of /proc/uptime"
like "$(inside free -k | awk '/^Mem:/ { print $2 }')" "^$(kb MemTotal)\$" "busybox free shows the limit"
ok "wrong addresses are EFAULT, as by the kernel" inside mediated sysinfo-faults
if "$root/bin/mediated" sysinfo32 >/dev/null 2>&1; then
	inside mediated sysinfo32 >"$tap_dir/sysinfo32"
	is "$(said totalram <"$tap_dir/sysinfo32")" "$(kb MemTotal)" "a 32-bit caller gets the same"
	below "$(said uptime <"$tap_dir/sysinfo32")" 100 "uptime too"
else
	skip ia32 "32-bit callers"
fi
[ -z "$memory" ] || is "$(launch --memory 128M --cpus 1 --rootfs "$root" -- mediated sysinfo </dev/null | said totalram)" 131072 "PID 1 is asked for as well as what exec starts"
if [ -x /usr/bin/free ] && have idmap && [ -n "$memory" ]; then
	is "$(launch --memory 96M -- sh -c 'free -k; busybox free -k' </dev/null 2>/dev/null | awk '/^Mem:/ { print $2 }' | sort -u)" 98304 "procps free and busybox free print the same"
fi

### sched_getaffinity(2): as many CPUs as the views show
is "$(inside nproc)" "$(inside grep -c ^processor /proc/cpuinfo)" "nproc agrees with cpuinfo"
is "$(inside mediated affinity 0)" 1 "a quota of one CPU is one CPU"
is "$(inside sh -c 'exec mediated affinity $$')" 1 "by pid too"
"$root/bin/mediated" affinity32 >/dev/null 2>&1 && is "$(inside mediated affinity32)" 1 "and for 32-bit callers"
fails EINVAL "a mask that is too short is refused" inside mediated affinity-length 0
fails EINVAL "and one of half a word" inside mediated affinity-length 12
is "$(inside mediated affinity-length 8)" 8 "a short one is filled as far as it goes"
fails ESRCH "a process that is not there is not found" inside mediated affinity 99999
all=$(nproc)
if [ "$all" -gt 1 ]; then
	is "$(launch --rootfs "$root" -- nproc </dev/null)" "$all" "without a quota it is the kernel's answer"
	is "$(inside taskset 2 mediated affinity 0)" 1 "a mask of one's own is kept"
	# By update: the files are kept for a second, but in the end all are of one mind.
	counts_are() { [ "$(cloister exec "$1" sh -c 'grep -c ^processor /proc/cpuinfo; nproc' </dev/null | xargs)" = "$2 $2" ]; }
	cloister update --cpu-quota -1 "$name"
	ok "a quota that goes: cpuinfo and nproc have all CPUs" eventually 3 counts_are "$name" "$all"
	cloister update --cpu-quota 100000 --cpu-period 100000 "$name"
	ok "and one that comes back" eventually 3 counts_are "$name" 1
	launch_detached "$name-late" --rootfs "$root" -- sleep 1000
	cloister update --cpu-quota 100000 --cpu-period 100000 "$name-late"
	ok "a quota that comes after a start without one" eventually 3 counts_are "$name-late" 1
	cloister update --cpu-quota -1 "$name-late"
	ok "and goes again" eventually 3 counts_are "$name-late" "$all"
	cloister delete --force "$name-late" >/dev/null 2>&1
fi

### Whoever dies: the call is answered, once and right
pid_of() { cloister status --json "$name" | json "[h['pid'] for h in d['helpers'] if h['name'] == '$1' and h['alive']][0]" 2>/dev/null; }
### Nobody waits for calls that nobody makes
idle=$name-idle
helper_is_there() { [ -n "$(cloister status --json "$idle" | json "[h['pid'] for h in d['helpers'] if h['name'] == '$1' and h['alive']][0]" 2>/dev/null)" ]; }
launch --detach --name "$idle" --rootfs "$root" -- sleep 1000 </dev/null
helpers_of() { cloister status --json "$idle" | json '" ".join(h["name"] for h in d["helpers"] if h["alive"])'; }
is "$(helpers_of | grep -c notifier)" 0 "a container that makes no such call has no notifier"
kill -9 "$(cloister status --json "$idle" | json "[h['pid'] for h in d['helpers'] if h['name'] == 'cloister-warden'][0]")"
is "$(cloister exec "$idle" mediated sysinfo </dev/null | said procs)" 2 "the first call is answered, also by a twin's"
is "$(helpers_of | grep -c notifier)" 1 "from then on there is one"
cloister delete --force "$idle" >/dev/null 2>&1

### A warden that is late finds the first listener beside the news of PID 1: one twin all the same
if ! have idmap; then
	skip idmap "a late warden has one twin"
elif have tool-strace; then
	mkdir -p "$work/late/src"
	cp "$top_builddir/src/cloister" "$work/late/src/"
	ln -s "$top_builddir"/{fusefs,shiftfs-fallback} "$work/late/"
	printf '#!/bin/sh\nexec %s -D -qq -o /dev/null -e trace=poll,ppoll -e inject=poll,ppoll:delay_enter=300000 %s\n' \
		"$(type -P strace)" "$top_builddir/src/cloister-warden" >"$work/late/src/cloister-warden"
	chmod +x "$work/late/src/cloister-warden"
	"$work/late/src/cloister" --root "$state" launch --detach --name "$idle" --rootfs "$root" -- sleep 1000 </dev/null >/dev/null
	# Answered when all that came before it was taken in.
	cloister exec "$idle" true </dev/null
	ok "a late warden has a twin" eventually 10 helper_is_there "its twin"
	late=$(cloister status --json "$idle" | json "[h['pid'] for h in d['helpers'] if h['name'] == 'cloister-warden'][0]")
	is "$(ps --ppid "$late" -o pid= | wc -l)" 2 "and one only, beside the server"
	cloister delete --force "$idle" >/dev/null 2>&1
else
	skip tool-strace "a late warden has one twin"
fi
# A call that is never answered must not hang the suite too.
inside timeout -s KILL 60 mediated sysinfo-load 4000 4 >"$tap_dir/load" 2>&1 &
loader=$!
for who in "its notifier" "its twin" cloister-warden "its notifier" cloister-fs cloister-warden "its notifier"; do
	sleep 0.3
	pid=$(pid_of "$who") && kill -9 "$pid" || fail "$who is there to be killed"
done
wait $loader
is "$?" 0 "4 threads see no error and no wrong number while helpers die ($(tr '\n' ' ' <"$tap_dir/load"))"
eventually 2 pid_of "its notifier" >/dev/null
# What the notifier had taken when it died: its successor answers.
server=$(pid_of cloister-fs) notifier=$(pid_of "its notifier")
sleep 0.1
kill -STOP "$server"
inside mediated sysinfo >"$tap_dir/late" 2>&1 &
late=$!
sleep 0.5
is "$(said totalram <"$tap_dir/late")" "" "a call waits for a server that is stopped"
kill -9 "$notifier"
sleep 0.3
kill -CONT "$server"
eventually 5 sh -c "! kill -0 $late 2>/dev/null" || { fail "a call that a dead notifier had taken is answered"; kill -9 $late; }
is "$(said totalram <"$tap_dir/late")" "$(kb MemTotal)" "a call that a dead notifier had taken is answered"
# A call by which whoever takes it dies (for want of memory, say) is given up.
kill -STOP "$server"
inside mediated sysinfo >"$tap_dir/heirs" 2>&1 &
late=$!
end=$((SECONDS + 40))
while kill -0 $late 2>/dev/null && [ $SECONDS -lt $end ]; do
	notifier=$(pid_of "its notifier") || continue
	# With a call that hangs it has three threads.
	[ "$(ls "/proc/$notifier/task" 2>/dev/null | wc -l)" -lt 3 ] || { sleep 0.05; kill -9 "$notifier"; }
done
is "$(cat "$tap_dir/heirs")" EIO "a call that has killed eight notifiers is given up"
kill -CONT "$server"
wait $late
is "$(inside mediated sysinfo | said totalram)" "$(kb MemTotal)" "and the next one is answered"
# A caller that waits can be killed.
kill -STOP "$server"
inside mediated sysinfo >/dev/null 2>&1 &
late=$!
calls() { caller=$(family mediated); [ -n "$caller" ]; }
eventually 10 calls && sleep 0.3 && kill -9 "$caller"
ok "who waits can be killed" eventually 2 sh -c "! kill -0 $late 2>/dev/null"
kill -CONT "$server"
# More callers than there are threads, none of whom can be answered at the moment.
kill -STOP "$server"
inside mediated flood 60 >"$tap_dir/flood" 2>&1 &
flood=$!
sleep 1
below "$(ls /proc/"$(pid_of "its notifier")"/task | wc -l)" 17 "60 calls that wait do not make more than 16 threads and the watch"
kill -CONT "$server"
wait $flood
is "$(cat "$tap_dir/flood")" "bad 0" "and all are answered in the end"
ok "callers that die at any moment leave nothing behind" inside mediated sysinfo-killed 1500
is "$(inside mediated sysinfo | said totalram)" "$(kb MemTotal)" "and the next one is answered"
# Everybody at once: an error, never the host's number.
init=$(init_pid "$name")
inside sh -c 'touch /tmp/ready; while [ ! -e /tmp/go ]; do sleep 0.1; done; mediated sysinfo 2>&1' >"$tap_dir/dead" 2>&1 &
dead=$!
eventually 5 test -e "$root/tmp/ready"
# Stopped first: nobody takes over while the others are killed.
helpers=$(cloister status --json "$name" | json '" ".join(str(h["pid"]) for h in d["helpers"])')
# shellcheck disable=SC2086
kill -STOP $helpers && kill -9 $helpers
touch "$root/tmp/go"
wait $dead
is "$(cat "$tap_dir/dead")" ENOSYS "without warden, twin and notifier it is ENOSYS"
[ -z "$init" ] || kill -9 "$init" 2>/dev/null
cloister delete --force "$name" >/dev/null 2>&1
rm -f "$root/tmp/go" "$root/tmp/ready"

### A specification that brings a listener of its own
cat >"$work/agent.py" <<'END'
import socket, sys, os, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1)
c, _ = s.accept(); c.recv(65536); time.sleep(60)
END
python3 "$work/agent.py" "$work/agent.sock" </dev/null >/dev/null 2>&1 &
agent=$!
on_exit sh -c "kill $agent 2>/dev/null"
eventually 10 test -S "$work/agent.sock"
mkdir "$work/bundle"
(cd "$work/bundle" && cloister spec) && python3 - "$work/bundle/config.json" "$root" "$work/agent.sock" <<'END'
import json, sys
d = json.load(open(sys.argv[1]))
d["root"] = {"path": sys.argv[2]}
d["process"]["terminal"] = False
d["process"]["args"] = ["sleep", "60"]
d["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": sys.argv[3],
	"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
json.dump(d, open(sys.argv[1], "w"))
END
own=$(cname own)
if ok "a container with a listener of its own starts" cloister run --detach --bundle "$work/bundle" "$own"; then
	like "$(cloister status "$own")" 'system calls: .*listener of its own' "without mediation, and status says so"
	cloister delete --force "$own"
fi
done_testing
