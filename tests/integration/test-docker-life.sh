#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The life of a container under Docker: exec, attach, logs, top, stats, pause, update, stop, kill,
# restart, wait, terminals, limits, many at once. "isolation:" titles are what other runtimes fail.
TEST_TIMEOUT=${TEST_TIMEOUT:-900}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-docker; gate tool-busybox; gate tool-python3
engine_docker_ready d
# What a docker command shows on a terminal.
docker_terminal() {
	python3 "$tests_lib/terminal.py" -- "$engine_docker" -H "unix://$engine_socket" "$@" 2>&1 | tr -d '\r' | sed '/^STATUS /,$d'
}

### exec
docker run -d --name cc -e A=b -w /tmp --user user bb sleep 1000 >/dev/null
ask docker exec cc <<'END'
id: id -u
pwd: pwd
env: echo $A $FROM_IMAGE
map: cat /proc/self/uid_map
caps: grep -E 'Cap(Eff|Bnd)|NoNewPrivs|^Seccomp:' /proc/self/status
one: tr '\0' ' ' </proc/1/cmdline
uptime: cut -d . -f 1 /proc/uptime
net: ls /sys/class/net
fds: ls -l /proc/self/fd
END
ask_of_init() { docker exec cc cat /proc/1/status | grep -E 'Cap(Eff|Bnd)|NoNewPrivs|^Seccomp:'; }
said_is id 1000 "exec runs as the container's user"
said_is pwd /tmp "... in its directory"
said_is env "b yes" "... with its environment"
is "${said[map]}" "$(docker exec cc cat /proc/1/uid_map)" "... in its user namespace"
is "${said[caps]}" "$(ask_of_init)" "... with its capabilities and seccomp filter"
said_like one 'sleep 1000' "... among its processes"
below "${said[uptime]}" 60 "isolation: exec sees the container's uptime"
said_unlike fds '/var/tmp|/run/|memfd|pidfd' "no descriptor of the runtime is inherited by exec (CVE-2024-21626)"
ask docker exec -u 0 -w / -e X=y --privileged cc <<'END'
id: id -u
env: echo $X
caps: sed -n 's/^CapEff:.//p' /proc/self/status
map: cat /proc/self/uid_map
END
said_is id 0 "exec -u"
said_is env y "exec -e"
unlike "${said[map]}" '^ *0 +0 ' "isolation: exec --privileged is in the user namespace"
is "$(docker exec -u 4242:4343 cc sh -c 'id -u; id -g' | tr '\n' ' ')" "4242 4343 " "exec -u UID:GID"
is "$(echo through | docker exec -i cc cat)" through "exec -i"
is "$(docker exec cc sh -c 'exit 9'; echo $?)" 9 "exec's exit status"
fails 126 "exec of a file that is no program" docker exec cc /etc/passwd
fails 'no such file|not found' "exec of a program that is not there says so" docker exec cc /no/such
fails '[nN]ot a directory' "exec in a directory that is not there" docker exec -w /etc/passwd cc true
docker exec -d -u 0 cc sh -c 'echo $$ >/tmp/detached; exec sleep 500'
ok "exec -d" eventually 5 docker exec cc test -s /tmp/detached
like "$(docker top cc)" 'sleep 1000' "top shows the first process"
like "$(docker top cc)" 'sleep 500' "top shows one of exec"
like "$(docker top cc -o pid,comm)" "^ *$(pid_of cc) " "top has the host's pid"
docker exec cc kill -0 1 2>/dev/null
is "$(docker_terminal exec -t cc tty)" /dev/pts/0 "exec -t has a terminal"

### stop, kill, restart, wait, rm
docker exec -d -u 0 cc sleep 600
docker kill -s KILL cc >/dev/null
ok "kill" eventually 10 state_is cc exited
is "$(docker inspect -f '{{.State.ExitCode}}' cc)" 137 "... gives 137"
docker start cc >/dev/null
is "$(docker exec cc id -u)" 1000 "a container starts again"
docker restart -t 1 cc >/dev/null
ok "restart" state_is cc running
is "$(docker exec cc cat /proc/self/uid_map)" "$(docker exec cc cat /proc/1/uid_map)" "... and exec works after it"
is "$(docker wait cc & sleep 0.3; docker stop -t 1 cc >/dev/null; wait $!)" 137 "stop kills what does not listen, wait tells"
docker rm cc >/dev/null
docker run -d --name ss bb sh -c 'trap "echo got; exit 7" TERM; trap "echo usr" USR1; echo ready; while :; do sleep 0.1; done' >/dev/null
ok "logs" eventually 10 logs_have ss ready
docker kill -s USR1 ss >/dev/null
ok "a signal arrives" eventually 10 logs_have ss usr
docker stop -t 10 ss >/dev/null
is "$(docker inspect -f '{{.State.ExitCode}}' ss)" 7 "stop lets a container end by itself"
ok "... which it did" logs_have ss got
fails 'is not running|No such' "kill of a stopped container" docker kill ss
docker rm ss >/dev/null
docker run -d --name sig --stop-signal USR2 bb sh -c 'trap "exit 5" USR2; echo ready; while :; do sleep 0.1; done' >/dev/null
eventually 10 logs_have sig ready
docker stop -t 10 sig >/dev/null
is "$(docker inspect -f '{{.State.ExitCode}}' sig)" 5 "--stop-signal"
docker rm sig >/dev/null
id=$(docker run -d --rm bb sleep 1000)
docker kill "$id" >/dev/null
gone() { ! docker inspect "$1" >/dev/null 2>&1; }
ok "--rm" eventually 10 gone "$id"
docker run -d --name rr --restart on-failure:2 bb sh -c 'echo run; exit 1' >/dev/null
three() { [ "$(docker logs rr | grep -c run)" = 3 ] && state_is rr exited; }
ok "--restart on-failure:2" eventually 30 three
docker rm -f rr >/dev/null
docker create --name never bb true >/dev/null
ok "a container that never ran is removed" docker rm never
docker create --name later bb echo started >/dev/null
is "$(docker start -a later)" started "create, start -a"
docker rename later renamed
ok "rename" docker rm renamed

### attach, terminals, standard streams
is "$(echo in | docker run --rm -i bb cat)" in "-i"
is "$(docker run --rm bb sh -c 'echo err >&2; echo out' 2>/dev/null)" out "standard output alone"
is "$(docker run --rm bb sh -c 'echo err >&2; echo out' 2>&1 >/dev/null)" err "standard error alone"
is "$(head -c 3000000 /dev/zero | docker run --rm -i bb wc -c)" 3000000 "three million bytes in"
is "$(docker run --rm bb head -c 3000000 /dev/zero | wc -c)" 3000000 "... and out"
# docker(1) may complain of its own hurry: a terminal is resized before it is there.
is "$(docker_terminal run --rm -t bb tty | grep -v 'failed to resize tty')" /dev/pts/0 "-t: a terminal of the container's own devpts"
like "$(docker_terminal run --rm -t bb ls -l /dev/console)" '^crw.* (5, +1|136, +[0-9]+) ' "-t: /dev/console"
like "$(docker_terminal run --rm -ti bb sh -c 'stty size; exec </dev/tty && echo controlling')" controlling "-ti: it is the controlling terminal"
is "$(docker_terminal run --rm -t --user user bb sh -c 'test -w $(tty) && echo mine')" mine "-t: another user can use it"
docker run -d -i --name aa bb sh -c 'read line; echo "read $line"; sleep 2' >/dev/null
like "$( (sleep 0.5; echo word; sleep 1) | docker attach aa)" 'read word' "attach"
docker rm -f aa >/dev/null
docker run -d --name log bb sh -c 'for i in 1 2 3; do echo line $i; done; sleep 1000' >/dev/null
eventually 10 logs_have log 'line 3'
is "$(docker logs --tail 2 log)" $'line 2\nline 3' "logs --tail"
docker rm -f log >/dev/null

### Limits, read from the kernel and from inside
docker run -d --name lim -m 64m --memory-swap 64m --memory-reservation 32m --cpus 0.5 --cpuset-cpus 0 --pids-limit 50 bb sleep 1000 >/dev/null
pid=$(pid_of lim)
is "$(cgroup_value "$pid" memory memory.limit_in_bytes memory.max)" 67108864 "-m"
is "$(cgroup_value "$pid" memory memory.soft_limit_in_bytes memory.low)" 33554432 "--memory-reservation"
is "$(cgroup_value "$pid" cpuset cpuset.cpus cpuset.cpus)" 0 "--cpuset-cpus"
is "$(cgroup_value "$pid" pids pids.max pids.max)" 50 "--pids-limit"
like "$(cgroup_value "$pid" cpu cpu.cfs_quota_us cpu.max)" '^50000( 100000)?$' "--cpus"
ask docker exec lim <<'END'
mem: sed -n 's/^MemTotal: *//p' /proc/meminfo
cpus: grep -c ^processor /proc/cpuinfo
online: cat /sys/devices/system/cpu/online
free: free -m | sed -n 2p
END
said_is mem "65536 kB" "isolation: /proc/meminfo is the limit"
said_is cpus 1 "isolation: /proc/cpuinfo has the CPU of --cpuset-cpus alone"
said_is online 0 "isolation: /sys/devices/system/cpu/online too"
like "$(docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' lim)" '/ 64MiB [1-9]' "stats"
docker update -m 96m --memory-swap 96m --cpus 1.5 --pids-limit 60 lim >/dev/null
is "$(cgroup_value "$pid" memory memory.limit_in_bytes memory.max)" 100663296 "update -m"
is "$(cgroup_value "$pid" pids pids.max pids.max)" 60 "update --pids-limit"
like "$(cgroup_value "$pid" cpu cpu.cfs_quota_us cpu.max)" '^150000( 100000)?$' "update --cpus"
is "$(docker exec lim sed -n 's/^MemTotal: *//p' /proc/meminfo)" "98304 kB" "isolation: /proc/meminfo after update"
forks() { docker exec lim sh -c 'i=0; while [ $i -lt 80 ]; do sleep 5 & i=$((i + 1)); done' 2>&1; }
like "$(forks)" "can't fork|Resource temporarily|cannot fork" "--pids-limit holds"
docker rm -f lim >/dev/null
docker run --name oom -m 32m --memory-swap 32m bb attack hold-memory 100 >/dev/null 2>&1
is "$?" 137 "a container over its memory is killed"
is "$(docker inspect -f '{{.State.OOMKilled}}' oom)" true "... and docker knows why"
docker rm oom >/dev/null
docker run -d --name sh --cpu-shares 512 bb sleep 1000 >/dev/null
like "$(cgroup_value "$(pid_of sh)" cpu cpu.shares cpu.weight)" '^(512|20|59)$' "--cpu-shares"
if grep -q '^0::/$' <<<"$(docker exec sh cat /proc/self/cgroup)"; then pass "isolation: a cgroup namespace"; else
	is "$(docker exec sh cat /proc/self/cgroup | cut -d : -f 3 | sort -u)" / "isolation: a cgroup namespace"
fi

### pause
docker pause sh >/dev/null
ok "pause" state_is sh paused
fails 'is paused' "exec in a paused container" docker exec sh true
ticks() { cut -d ' ' -f 14,15 "/proc/$(pid_of sh)/stat"; }
docker unpause sh >/dev/null
ok "unpause" state_is sh running
ok "... and it goes on" docker exec sh true
docker pause sh >/dev/null
ok "a paused container is killed" docker rm -f sh

### Directories of a disk for engines inside: overlayfs takes no upper directory on an overlay.
docker run -d --name eng --privileged bb sh -c 'mkdir -p /var/lib/containers; sleep 1000' >/dev/null
is "$(docker exec eng stat -f -c %T /var/lib/docker)" "$(stat -f -c %T "$work/d/data")" "--privileged: /var/lib/docker is on the disk"
docker exec eng sh -c 'mkdir /var/lib/docker/u /var/lib/docker/w /mnt/o; echo kept >/var/lib/docker/kept; chown 7:7 /var/lib/docker/kept'
ok "... where an overlay can be" docker exec eng mount -t overlay -o lowerdir=/bin,upperdir=/var/lib/docker/u,workdir=/var/lib/docker/w o /mnt/o
ok "... restart" docker restart -t 0 eng
is "$(docker exec eng sh -c 'cat /var/lib/docker/kept; stat -c %u /var/lib/docker/kept' | tr '\n' ' ')" "kept 7 " "... keeps what is in it"
data=$(find "$work/d/data" -name .cloister-data | head -n 1)
ok "... in a directory of the container's" test -e "$data/docker/kept"
docker rm -f eng >/dev/null
data_gone() { [ ! -e "$data" ]; }
ok "... which goes with it" eventually 10 data_gone
isnt "$(docker run --rm bb stat -f -c %T /var/lib/docker 2>&1)" "$(stat -f -c %T "$work/d/data")" "others have none"
printf 'FROM bb\nRUN mkdir -p /var/lib/docker/sub && echo image >/var/lib/docker/sub/f && ln -s /etc/passwd /var/lib/docker/l\n' >"$work/Dockerfile"
docker build -q --network none -t pre - <"$work/Dockerfile" >/dev/null
is "$(docker run --rm --privileged pre sh -c 'cat /var/lib/docker/sub/f; readlink /var/lib/docker/l' | tr '\n' ' ')" "image /etc/passwd " "it begins with what the image has there"

### Many at once: all up, each with a range of its own
start=$EPOCHREALTIME
for i in 1 2 3 4 5 6 7 8; do docker run -d --name "m$i" bb sleep 1000 >/dev/null 2>"$work/m$i" & started[i]=$!; done
for i in 1 2 3 4 5 6 7 8; do wait "${started[i]}" || diag "$(cat "$work/m$i")"; done
diag "8 at once: $(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }') s"
ranges=$(for i in 1 2 3 4 5 6 7 8; do awk '{ print $2 }' "/proc/$(pid_of m$i)/uid_map"; done)
is "$(docker ps -q | wc -l)" 8 "eight containers started at once are up"
is "$(sort -u <<<"$ranges" | wc -l)" 8 "isolation: no two have the same ids"
like "$(awk 'NR > 1 && $1 - last < 65536 { print "overlap" } { last = $1 } END { print "looked" }' <<<"$(sort -n <<<"$ranges")" | head -n 1)" \
	looked "isolation: ... nor overlapping ones"
below "$(docker exec m1 sh -c 'ls /proc | grep -c "^[0-9]"')" 5 "each sees its own processes only"
docker rm -f m1 m2 m3 m4 m5 m6 m7 m8 >/dev/null
is "$(docker ps -aq)" "" "all are removed"

done_testing
