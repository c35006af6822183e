#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# containerd alone: `ctr`, the io.containerd.runc.v2 shim with our program, its overlayfs snapshotter.
# "isolation:" titles are what other runtimes fail.
TEST_TIMEOUT=${TEST_TIMEOUT:-600}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-containerd; gate tool-busybox; gate tool-python3
diag "runtime $engine_runtime"
engine_image_archive "$work/bb.tar" localhost/bb
on_exit engine_containerd_stop
if ! engine_containerd_start; then
	fail "containerd starts"
	done_testing
fi
ok "an image is imported" ctr image import "$work/bb.tar"
image=localhost/bb:latest
run() { # [OPTION…] NAME COMMAND…, options end with --
	local options=()
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	local name=$1
	shift
	# shellcheck disable=SC2046
	ctr run $(ctr_runtime) --cgroup "/cloister-test-$$-ctr/$name" "${options[@]}" $image "$name" "$@"
}
task_is() { [ "$(ctr task ls | awk -v n="$1" '$1 == n { print $3 }')" = "$2" ]; }
pid_of_task() { ctr task ls | awk -v n="$1" '$1 == n { print $2 }'; }

ask run --rm -- one <<'END'
map: cat /proc/self/uid_map
id: id -u
hostname: hostname
uptime: cut -d . -f 1 /proc/uptime
owned: ls -ln /owned
root: grep ' / ' /proc/mounts
write: echo x >/new && stat -c %u /new
cgroup: cat /proc/self/cgroup
net: ls /sys/class/net
END
is "${said[status]}" 0 "ctr run --rm"
unlike "${said[map]}" '^ *0 +0 ' "isolation: root is not root of the host"
said_is id 0 "the user is root"
below "${said[uptime]}" 30 "isolation: uptime begins with the container"
said_like owned ' 1000 +1000 .*of-1000' "files of the image keep their owner"
said_like root '^overlay / overlay' "the root is the snapshotter's overlay"
said_is write 0 "a new file is root's"
said_unlike cgroup 'cloister-test' "isolation: the cgroup's name on the host is hidden"
said_is net lo "a network namespace without an interface"
is "$(run --rm -- status sh -c 'exit 42' >/dev/null 2>&1; echo $?)" 42 "the exit status"
is "$(run --rm --env A=b --cwd /tmp -- opt sh -c 'echo $A; pwd' 2>&1 | tr '\n' ' ')" "b /tmp " "--env --cwd"
mkdir "$work/mnt"; echo kept >"$work/mnt/f"; chown 1000:1000 "$work/mnt/f"
ask run --rm --mount "type=bind,src=$work/mnt,dst=/m,options=rbind:ro" -- ro <<'END'
read: cat /m/f; stat -c %u /m/f
write: touch /m/x
remount: attack remount-rw /m; touch /m/x
END
is "$(echo ${said[read]})" "kept 1000" "--mount"
said_like write 'Read-only' "... read-only"
said_like remount 'touch.*Read-only' "... for good"
like "$(run --rm --read-only -- rofs touch /x 2>&1)" 'Read-only' "--read-only"
is "$(run --rm --memory-limit 67108864 -- mem sh -c "sed -n 's/^MemTotal: *//p' /proc/meminfo" 2>&1)" "65536 kB" "isolation: --memory-limit is what /proc/meminfo shows"
is "$(run --rm --cap-drop CAP_CHOWN -- caps sh -c "touch /f; chown 1 /f 2>&1 | grep -c permitted" 2>&1)" 1 "--cap-drop"
like "$(run --rm --seccomp -- sec sh -c "sed -n 's/^Seccomp:.//p' /proc/self/status" 2>&1)" '^2$' "--seccomp"
is "$(echo in | run --rm -- in head -n 1 2>&1)" in "standard input"
like "$(run --rm --net-host -- host true 2>&1)" 'host' "isolation: --net-host is refused"
ctr container rm host >/dev/null 2>&1

# containerd's own create and start, and all that a task can do.
ok "run --detach" run --detach -- c sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
ok "task ls: running" eventually 10 task_is c RUNNING
pid=$(pid_of_task c)
is "$(ctr task exec --exec-id e1 c sh -c 'id -u; cat /proc/1/comm' 2>&1 | tr '\n' ' ')" "0 sh " "task exec"
is "$(ctr task exec --exec-id e2 c sh -c 'exit 9' >/dev/null 2>&1; echo $?)" 9 "... its exit status"
is "$(ctr task exec --exec-id e3 --user 1000 --cwd /tmp c sh -c 'id -u; pwd' 2>&1 | tr '\n' ' ')" "1000 /tmp " "... with --user and --cwd"
is "$(ctr task exec --exec-id e4 c cat /proc/self/uid_map)" "$(cat "/proc/$pid/uid_map")" "... in its user namespace"
like "$(ctr task ps c)" "(^|[^0-9])$pid([^0-9]|\$)" "task ps has the host's pid"
ok "task pause" ctr task pause c
ok "... is paused" eventually 5 task_is c PAUSED
ok "task resume" ctr task resume c
ok "... runs" eventually 5 task_is c RUNNING
like "$(ctr task metrics c 2>&1)" 'pids.current +[1-9]|memory' "task metrics"
ok "task kill" ctr task kill c
ok "... ends by its own handler" eventually 10 task_is c STOPPED
like "$(ctr task rm c 2>&1)" 'exit code 3' "task rm gives the exit status"
ok "container rm" ctr container rm c
ok "run --detach again" run --detach -- k sleep 1000
ok "task rm --force" ctr task rm --force k
ctr container rm k >/dev/null
ok "nothing is left of its cgroups" test -z "$(find /sys/fs/cgroup -type d -path "*cloister-test-$$-ctr/*")"
fails 'no such file|not found' "a program that is not there" run --rm -- nope /no/such
ctr container rm nope >/dev/null 2>&1
run --detach -- r1 sleep 1000
run --detach -- r2 sleep 1000
isnt "$(cat "/proc/$(pid_of_task r1)/uid_map")" "$(cat "/proc/$(pid_of_task r2)/uid_map")" "isolation: two containers have different ids"
for c in r1 r2; do ctr task rm --force $c >/dev/null; ctr container rm $c >/dev/null; done
is "$(ctr task ls -q)" "" "no task is left"
is "$(options_without_row containerd.md "## What ctr run's options do" ctr run)" "" "doc/containerd.md has a row for every option of ctr run"

done_testing
