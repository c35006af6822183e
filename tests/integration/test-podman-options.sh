#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Options of podman run, read back from inside, from the kernel or from Podman: what doc/podman.md says of them.
# "isolation:" titles are what other runtimes fail.
TEST_TIMEOUT=${TEST_TIMEOUT:-600}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-podman; gate tool-busybox; gate tool-python3
diag "runtime $engine_runtime"
engine_image_archive "$work/bb.tar" localhost/bb
on_exit engine_podman_stop
engine_podman_setup
podman load -q -i "$work/bb.tar" >/dev/null
image=localhost/bb
run() { podman run --cgroup-parent "/cloister-test-$$-podman" "$@"; }

### What a process is and sees
printf 'FROM_FILE=file\nBOTH=file\n' >"$work/env"
printf 'l=1\n' >"$work/labels"
echo secret | podman secret create s1 - >/dev/null
ask run --rm --init --cap-drop all --cap-add net_admin,chown --group-add 77 --umask 0027 --sysctl net.ipv4.ip_forward=1 \
	--dns 192.0.2.9 --dns-search example.org --dns-option ndots:2 --add-host other:192.0.2.7 --tz UTC \
	--env-file "$work/env" --env BOTH=option --unsetenv FROM_IMAGE --personality LINUX32 --device /dev/fuse \
	--security-opt no-new-privileges --security-opt mask=/proc/version --oom-score-adj 300 --workdir /owned \
	--label a=b --label-file "$work/labels" --secret s1,target=mine,mode=0440 --mount type=tmpfs,dst=/mnt,tmpfs-size=1m \
	--mac-address 02:00:00:00:00:42 --ip 10.88.0.77 --hostname box --tmpfs /scratch:size=2m,mode=700 \
	--ulimit core=5:6 --timeout 60 --stop-signal USR1 --log-opt max-size=10k --expose 99 --pids-limit 44 --hostuser nobody $image <<'END'
init: tr '\0' ' ' </proc/1/cmdline
caps: grep CapEff /proc/self/status
groups: id -G
umask: umask; touch /tmp/f; stat -c %a /tmp/f
forward: cat /proc/sys/net/ipv4/ip_forward
resolv: cat /etc/resolv.conf
hosts: cat /etc/hosts
env: env
machine: uname -m
fuse: ls -l /dev/fuse
privs: grep NoNewPrivs /proc/self/status
version: wc -c </proc/version
score: cat /proc/self/oom_score_adj
pwd: pwd
secret: cat /run/secrets/mine; stat -c %a /run/secrets/mine
mnt: df -k /mnt
mac: cat /sys/class/net/eth0/address
ip: ip -4 -o addr show eth0
hostname: hostname
scratch: echo $(df -k /scratch) $(stat -c %a /scratch)
core: ulimit -c
passwd: cat /etc/passwd
END
said_like init 'catatonit|podman-init|/init' "--init"
said_like caps '0000000000001001$' "--cap-drop, --cap-add"
said_like groups '(^| )77( |$)' "--group-add"
said_is umask $'0027\n640' "--umask"
said_is forward 1 "--sysctl"
said_like resolv 'nameserver 192.0.2.9' "--dns"
said_like resolv 'search example.org' "--dns-search"
said_like resolv 'options ndots:2' "--dns-option"
said_like hosts '192.0.2.7.other' "--add-host"
said_like env 'FROM_FILE=file' "--env-file"
said_like env 'BOTH=option' "... behind --env"
said_unlike env 'FROM_IMAGE' "--unsetenv"
said_is machine i686 "--personality"
said_like fuse '^crw.* 10, 229 ' "--device"
said_like privs '1$' "--security-opt no-new-privileges"
said_is version 0 "--security-opt mask="
said_is score 300 "--oom-score-adj"
said_is pwd /owned "--workdir"
said_is secret $'secret\n440' "--secret"
said_like mnt ' 1024 ' "--mount type=tmpfs"
said_is mac 02:00:00:00:00:42 "--mac-address"
said_like ip ' 10.88.0.77/' "--ip"
said_is hostname box "--hostname"
said_like scratch ' 2048 .*700$' "--tmpfs size=,mode="
said_like passwd '^nobody:' "--hostuser"

### What the kernel holds it to
run -d --name held --cpu-period 50000 --cpu-quota 25000 --cpuset-cpus 0 --cpuset-mems 0 --memory 64m --memory-reservation 32m \
	--memory-swap 80m --memory-swappiness 7 --cidfile "$work/cid" --pidfile "$work/pid" --conmon-pidfile "$work/conmon" \
	--annotation x=y --uts private --ipc shareable --network-alias alias --stop-timeout 3 --health-cmd 'test -d /owned' --health-interval disable \
	--label who=held $image sleep 1000 >/dev/null
pid=$(podman inspect -f '{{.State.Pid}}' held)
kernel() { like "$(cgroup_value "$pid" "$3" "$4" "$5")" "$1" "$2"; }
is "$(cat "$work/cid")" "$(podman inspect -f '{{.Id}}' held)" "--cidfile"
is "$(cat "$work/pid")" "$pid" "--pidfile"
ok "--conmon-pidfile" grep -q conmon "/proc/$(cat "$work/conmon")/comm"
kernel '^25000( 50000)?$' "--cpu-quota" cpu cpu.cfs_quota_us cpu.max
kernel '50000$' "--cpu-period" cpu cpu.cfs_period_us cpu.max
kernel '^0$' "--cpuset-cpus" cpuset cpuset.cpus cpuset.cpus
kernel '^0$' "--cpuset-mems" cpuset cpuset.mems cpuset.mems
kernel '^33554432$' "--memory-reservation" memory memory.soft_limit_in_bytes memory.low
is "$(podman exec held sh -c 'grep -c ^processor /proc/cpuinfo; nproc' | xargs)" "1 1" "isolation: --cpu-quota is what the files and nproc show"
! have cgroup-memsw || kernel '^(83886080|16777216)$' "--memory-swap" memory memory.memsw.limit_in_bytes memory.swap.max
ok "--health-cmd" podman healthcheck run held
is "$(podman ps -q --filter label=who=held | wc -l)" 1 "--label"
podman update --cpu-quota 50000 --cpu-shares 300 --memory 96m --memory-swap 96m held >/dev/null
kernel '^50000( 50000)?$' "update --cpu-quota" cpu cpu.cfs_quota_us cpu.max
kernel '^(300|12|[1-9][0-9])$' "update --cpu-shares" cpu cpu.shares cpu.weight
like "$(podman exec held sed -n 's/^MemTotal: *//p' /proc/meminfo)" '^98304 kB$' "isolation: update --memory is what /proc/meminfo shows"
is "$(podman exec --env-file "$work/env" --workdir /owned held sh -c 'echo $FROM_FILE; pwd' | xargs)" "file /owned" "exec --env-file, --workdir"
is "$(podman exec --preserve-fds 2 held sh -c 'cat <&3; cat <&4' 3<<<three 4<<<four | xargs)" "three four" "exec --preserve-fds"
is "$(echo typed | podman exec --interactive held cat)" typed "exec --interactive"
is "$(run --rm --ipc container:held $image readlink /proc/self/ns/ipc /proc/self/ns/user | xargs)" \
	"$(podman exec held readlink /proc/self/ns/ipc /proc/self/ns/user | xargs)" "isolation: --ipc container: shares the user namespace too"
is "$(run --rm --volumes-from held --read-only --read-only-tmpfs=false $image sh -c 'touch /tmp/x 2>&1' | grep -c 'Read-only')" 1 "--read-only-tmpfs"
is "$(run --rm --replace --name held $image echo replaced | tail -n 1)" replaced "--replace"

### The rest
is "$(run --rm --entrypoint '["echo","entry"]' $image command)" "entry command" "--entrypoint"
is "$(run --rm --env-host --http-proxy=false --no-hosts --passwd=false $image sh -c 'test -s /etc/hosts || echo none')" none "--no-hosts"
is "$(echo piped | run --rm --attach stdin --attach stdout -i $image cat)" piped "--attach, --interactive"
like "$(run --rm --tty $image tty | tr -d '\r')" '^/dev/pts/0$' "--tty"
fails '*' "--timeout ends it" run --rm --timeout 1 $image sleep 1000
is "$(run --rm --preserve-fds 1 $image sh -c 'cat <&3' 3<<<kept)" kept "--preserve-fds"
# Of an infra container Podman 4.3 raises the soft limit of files above the hard one that our file gives.
sed -i '/default_ulimits/d' "$work/podman/containers.conf"
is "$(run --rm --pod new:group $image hostname)" group "--pod new:"
is "$(run --rm --pod group $image sh -c 'cat /proc/self/uid_map' | awk '{ print $3 }')" 65536 "isolation: a pod's container has the pod's range"
podman pod rm -f group >/dev/null
is "$(run --rm --image-volume tmpfs --log-driver none $image echo out)" out "--image-volume, --log-driver"
run -d --restart on-failure:1 --name again $image sh -c 'echo run >>/tmp/runs; exit 3' >/dev/null
ok "--restart" eventually 15 eval '[ "$(podman inspect -f "{{.RestartCount}} {{.State.Status}}" again)" = "1 exited" ]'
podman cp again:/tmp/runs "$work/runs"
is "$(xargs <"$work/runs")" "run run" "... runs it again, with the same root file system"
fails '*' "isolation: --uts host is refused" run --rm --uts host $image true
fails '*' "isolation: --pid host is refused" run --rm --pid host $image true
fails '*' "isolation: --group-add beyond the range is refused" run --rm --group-add 70000 $image true
done_testing
