#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# One line for each option of `docker run`, `exec` and `update` that doc/docker.md has a verdict on and
# that the other Docker suites do not try: what it does is read back from inside or from the kernel.
# At the end the lists are compared with what `docker … --help` knows, so that no option is forgotten.
# "isolation:" titles are what other runtimes fail. Nothing here harms the host under one of those.
TEST_TIMEOUT=${TEST_TIMEOUT:-600}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-docker; gate tool-busybox; gate tool-python3
engine_docker_ready d

# row REGEX DESC OPTION… -- COMMAND: what it says in a container with these options
row() {
	local want=$1 desc=$2 options=()
	shift 2
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	like "$(timeout 60 "$engine_docker" -H "unix://$engine_socket" run --rm "${options[@]}" bb sh -c "$2" 2>&1 </dev/null)" "$want" "$desc"
}
# refused REGEX DESC OPTION…: no container, and the reason
refused() {
	local want=$1 desc=$2
	shift 2
	fails "$want" "$desc" timeout 60 "$engine_docker" -H "unix://$engine_socket" run --rm "$@" bb true
}
# A container to look at from the host: `held OPTION…`, then
# kernel REGEX DESC CONTROLLER V1-FILE V2-FILE; `-` for a file that this version has not
held() { docker rm -f held >/dev/null 2>&1; docker run -d --name held "$@" bb sleep 1000 >/dev/null 2>"$work/held.err" || diag "$(cat "$work/held.err")"; }
kernel() {
	local pid dir
	pid=$(pid_of held)
	dir=$(cgroup_dir "$pid" "$3")
	if [ ! -e "$dir/$4" ] && [ ! -e "$dir/$5" ]; then skip "cgroup-file-$4" "$2"; return; fi
	like "$(cgroup_value "$pid" "$3" "$4" "$5")" "$1" "$2"
}
inside() { like "$(docker exec held sh -c "$3" 2>&1)" "$1" "$2"; }
disk=$(lsblk -ndo PATH,TYPE 2>/dev/null | awk '$2 == "disk" { print $1; exit }')
numbers=$(lsblk -ndo MAJ:MIN "${disk:-/none}" 2>/dev/null | tr -d ' ')

### Limits
held --cpu-period 50000 --cpu-quota 25000 --cpu-shares 300 --cpuset-cpus 0 --cpuset-mems 0
kernel '^(25000|25000 50000)$' "--cpu-quota" cpu cpu.cfs_quota_us cpu.max
kernel '50000$' "--cpu-period" cpu cpu.cfs_period_us cpu.max
kernel '^(300|12|[1-9][0-9])$' "--cpu-shares" cpu cpu.shares cpu.weight
kernel '^0$' "--cpuset-mems" cpuset cpuset.mems cpuset.mems
inside '^1$' "isolation: /proc/stat has the CPUs of --cpuset-cpus" 'grep -c ^cpu[0-9] /proc/stat'
docker update --cpu-period 60000 --cpu-quota 30000 --cpu-shares 400 --cpuset-cpus 0 --cpuset-mems 0 held >/dev/null
kernel '^(30000|30000 60000)$' "update --cpu-quota" cpu cpu.cfs_quota_us cpu.max
kernel '60000$' "update --cpu-period" cpu cpu.cfs_period_us cpu.max
kernel '^(400|16|[1-9][0-9])$' "update --cpu-shares" cpu cpu.shares cpu.weight
kernel '^0$' "update --cpuset-mems" cpuset cpuset.mems cpuset.mems
kernel '^0$' "update --cpuset-cpus" cpuset cpuset.cpus cpuset.cpus
if have two-cpus; then
	docker update --cpuset-cpus 0-1 --cpu-quota 120000 held >/dev/null
	inside '^2$' "/proc/cpuinfo follows update --cpuset-cpus and --cpu-quota" 'grep -c ^processor /proc/cpuinfo'
	docker update --cpu-quota 30000 held >/dev/null
	inside '^1$' "isolation: ... and a quota of half a CPU is one" 'grep -c ^processor /proc/cpuinfo'
else
	skip two-cpus "/proc/cpuinfo follows an update"
fi
held -m 64m --memory-swap 96m --memory-swappiness 7 --oom-kill-disable --kernel-memory 50m
kernel '^(100663296|33554432)$' "--memory-swap" memory memory.memsw.limit_in_bytes memory.swap.max
kernel '^7$' "--memory-swappiness" memory memory.swappiness -
kernel '^oom_kill_disable 1$' "--oom-kill-disable" memory memory.oom_control -
kernel '^[0-9]{19}$' "--kernel-memory has no effect" memory memory.kmem.limit_in_bytes -
inside '^SwapTotal: +(0|[1-9][0-9]{0,4}) kB$' "isolation: SwapTotal is not more than --memory-swap" 'grep SwapTotal /proc/meminfo'
docker update -m 80m --memory-swap 120m --memory-reservation 30m held >/dev/null
kernel '^(125829120|41943040)$' "update --memory-swap" memory memory.memsw.limit_in_bytes memory.swap.max
kernel '^31457280$' "update --memory-reservation" memory memory.soft_limit_in_bytes memory.low
held --cpu-rt-period 900000
kernel '^900000$' "--cpu-rt-period" cpu cpu.rt_period_us -
if [ -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ]; then
	refused 'rt_runtime_us|Invalid argument|invalid argument' "--cpu-rt-runtime is refused below a parent that has none" \
		--cpu-rt-period 1000000 --cpu-rt-runtime 1000
fi
if [ -n "$disk" ]; then
	held --device-read-bps "$disk:1mb" --device-write-bps "$disk:2mb" --device-read-iops "$disk:100" --device-write-iops "$disk:200" \
		--blkio-weight 300 --blkio-weight-device "$disk:400"
	kernel "^$numbers (1048576|.*rbps=1048576)" "--device-read-bps" blkio blkio.throttle.read_bps_device io.max
	kernel "^$numbers (2097152|.*wbps=2097152)" "--device-write-bps" blkio blkio.throttle.write_bps_device io.max
	kernel "^$numbers (100|.*riops=100)" "--device-read-iops" blkio blkio.throttle.read_iops_device io.max
	kernel "^$numbers (200|.*wiops=200)" "--device-write-iops" blkio blkio.throttle.write_iops_device io.max
	# Without the file of the old name Docker says so and passes nothing on.
	if grep -q 'Weight discarded' "$work/held.err"; then
		kernel '^100$' "--blkio-weight: docker has discarded it" blkio blkio.bfq.weight io.bfq.weight
		kernel '^default 100$' "--blkio-weight-device: docker has discarded it" blkio blkio.bfq.weight_device -
	else
		kernel '(^|default )300$' "--blkio-weight" blkio blkio.weight io.bfq.weight
		kernel "^$numbers 400" "--blkio-weight-device" blkio blkio.weight_device -
	fi
else
	skip tool-lsblk "--device-read-bps and the like"
fi
held --cgroup-parent "$(engine_cgroup_parent d)$([ "$engine_cgroup_driver" = systemd ] || echo /deeper)"
like "$(cat "/proc/$(pid_of held)/cgroup")" "$(if [ "$engine_cgroup_driver" = systemd ]; then engine_cgroup_parent d; else echo "$(engine_cgroup_parent d)/deeper/"; fi)" "--cgroup-parent"
row ':/$' "--cgroupns private" --cgroupns private -- 'cat /proc/self/cgroup'
row '^0$' "isolation: --cgroupns host is ignored" --cgroupns host -- 'grep -vc ":/$" /proc/self/cgroup'

### Users
row '^uid=65535 gid=65535' "--user with the last id" --user 65535:65535 -- id
row '^0 1000 65535$' "--group-add, by name and with the last id" --group-add 65535 --group-add user -- 'id -G'
row '^uid=0\(root\) gid=0\(root\) groups=0\(root\),5$' "--group-add of the user's own group" --user root --group-add 0 --group-add 5 -- id
if engine_is_cloister; then
	refused "become user 65536: not among the container's ids" "isolation: --user beyond the container's ids" --user 65536
	refused "groups: not among the container's ids" "isolation: --group-add beyond the container's ids" --group-add 65536
fi
row "can't fork" "--ulimit nproc holds" --user 1000 --ulimit nproc=20:20 -- \
	'i=0; while [ $i -lt 30 ]; do sleep 1 & i=$((i + 1)); done'
row '^20 30$' "--ulimit nofile" --ulimit nofile=20:30 -- 'echo $(ulimit -n) $(ulimit -Hn)'

# Such a container dies at its start, where runc knows of no failure: dockerd deletes it at once. Its
# end is looked at once more when the suite's daemon ends.
no_shim() { ! ps -e -o args= | grep -v grep | grep -q "containerd-shim-runc-v2 .*$work/"; }
refused 'no such file|not found' "a relative command that is not there" -w /tmp --entrypoint ./nothing
docker rm -f held >/dev/null 2>&1
ok "containers whose start failed leave no shim" eventually 5 no_shim

### Devices
for node in null zero full random urandom tty; do nodes+="test -c /dev/$node && "; done
row '^all$' "the default devices" -- "${nodes} echo all"
[ ! -e /dev/net/tun ] || row '10, 200' "--device /dev/net/tun" --device /dev/net/tun -- 'ls -ln /dev/net/tun'
if [ -e /dev/hwrng ]; then
	row '0 +0 +10, 183' "--device of another character device, owned by the container's root" --device /dev/hwrng:/dev/rng:r -- 'ls -ln /dev/rng'
	row 'not permitted' "... only for what was asked" --device /dev/hwrng:/dev/rng:r -- ': 3>/dev/rng'
fi
if engine_is_cloister; then
	[ -z "$disk" ] || refused "the host's disks; it is not given to containers" "isolation: --device of a disk is refused" --device "$disk"
	[ ! -e /dev/kmsg ] || refused "the kernel's log; it is not given" "isolation: --device /dev/kmsg is refused" --device /dev/kmsg
	[ ! -e /dev/loop-control ] || refused "the host's disks" "isolation: --device /dev/loop-control is refused" --device /dev/loop-control
fi
held --device-cgroup-rule 'c 7:8 rw'
kernel '^c 7:8 rw$' "--device-cgroup-rule" devices devices.list -
row 'mknod.*not permitted' "isolation: --device-cgroup-rule does not make mknod possible" --device-cgroup-rule 'c 1:* rwm' -- 'mknod /tmp/k c 1 11'
refused 'could not select device driver' "--gpus without a driver is refused by docker" --gpus all

### Namespaces
row ' 65536 .*/dev/shm' "--ipc private" --ipc private -- 'df -k /dev/shm'
row "can't find mount point" "--ipc none has no /dev/shm" --ipc none -- 'df -k /dev/shm'
row '^[0-9a-f]{12}$' "without --uts a name of its own" -- hostname

### Security
row '^mounted$' "--cap-add SYS_ADMIN mounts" --cap-add SYS_ADMIN --security-opt apparmor=unconfined -- \
	'mount -t tmpfs none /mnt && echo mounted'
row '^0$' "--security-opt systempaths=unconfined unmasks" --security-opt systempaths=unconfined -- \
	"grep -cE ' /proc/(kcore|timer_list|sysrq-trigger) ' /proc/mounts"
row '/proc/uptime' "isolation: ... but the emulated files stay" --security-opt systempaths=unconfined -- 'grep cloister-fs /proc/mounts'
row '^fine$' "--security-opt label= is accepted" --security-opt label=type:spc_t -- 'echo fine'
row '^12345678 77$' "--sysctl of ipc and net" --sysctl kernel.shmmax=12345678 --sysctl net.core.somaxconn=77 -- \
	'echo $(cat /proc/sys/kernel/shmmax /proc/sys/net/core/somaxconn)'
row '^20$' "--sysctl fs.mqueue" --sysctl fs.mqueue.msg_max=20 -- 'cat /proc/sys/fs/mqueue/msg_max'
refused 'not whitelisted|not allowed' "--sysctl of the host" --sysctl kernel.panic=3

### Files
row '^drwxr-x--- +[0-9]+ 7 +8 ' "--tmpfs with owners" --tmpfs /t:size=1m,uid=7,gid=8,mode=750 -- 'ls -lnd /t'
row '^drwxrwxrwt ' "--tmpfs" --tmpfs /t -- 'ls -lnd /t'
mkdir "$work/v"
if engine_is_cloister; then
	refused 'cannot be shared with the host.*rslave or rprivate' "isolation: --volume :rshared is refused" -v "$work/v:/v:rshared"
	refused 'cannot be shared with the host' "isolation: --mount bind-propagation=shared is refused" \
		--mount "type=bind,src=$work/v,dst=/v,bind-propagation=shared"
fi
row ' /v .*nodev' "isolation: a volume is nodev" -v "$work/v:/v" -- 'grep " /v " /proc/mounts'
row ' /v ' "--volume :Z" -v "$work/v:/v:Z" -- 'grep " /v " /proc/mounts'
row ' /v ' "--mount bind-nonrecursive" --mount "type=bind,src=$work/v,dst=/v,bind-nonrecursive" -- 'grep " /v " /proc/mounts'

### exec
held
like "$(docker exec --privileged held sed -n 's/^CapEff:.//p' /proc/self/status)" '^(0000003f|000001ff)f[ef]ffffff$' "exec --privileged has all capabilities"
is "$(docker exec -w /tmp held pwd)" /tmp "exec --workdir"
held --ulimit nofile=20:30 --ulimit cpu=-1 --oom-score-adj 300
inside '^20 30 unlimited 300$' "exec where --ulimit leaves few descriptors, or none is a number of 64 bits, with the same limits" \
	'echo $(ulimit -n) $(ulimit -Hn) $(ulimit -t) $(cat /proc/self/oom_score_adj)'
docker rm -f held >/dev/null

### Every option has its line: here, in another suite, or in this list, of what the runtime never sees
engine_only="--attach --cidfile --detach --detach-keys --disable-content-trust --dns-option --expose
 --health-cmd --health-interval --health-retries --health-start-interval --health-start-period --health-timeout --no-healthcheck
 --ip --ip6 --label-file --link --link-local-ip --log-driver --log-opt --platform --publish-all --pull --quiet --sig-proxy
 --stop-timeout --storage-opt --volume-driver --help --runtime
 --cpu-count --cpu-percent --io-maxbandwidth --io-maxiops --isolation
 --annotation --use-api-socket"
# How the suites call options that have a short form.
declare -A short=([--interactive]=-i [--tty]=-t [--workdir]=-w [--env]=-e [--memory]=-m [--publish]=-p [--volume]=-v [--user]=-u)
tried=$(cat "$top_srcdir"/tests/integration/test-docker*.sh | sed '/^engine_only=/,/"$/d')
# Known but tried in no suite: options of `docker run` and `docker update` one by one.
untried() {
	local option
	for option in $("$1" "$2" --help | sed -nE 's/^ +(-., )? *(--[a-z0-9-]+).*/\2/p'); do
		grep -qwE -- "$option${short[$option]:+|${short[$option]}}" <<<"$tried" || grep -qwe "$option" <<<"$engine_only" || echo "$option"
	done
}
for client in "$engine_docker" "$(type -P docker)"; do
	for command in run exec update; do
		is "$(untried "$client" $command)" "" "every option of $client $command has a line or is the engine's"
	done
done
for command in run create exec update build; do
	is "$(options_without_row docker.md "### docker ${command/#create/run}" "$engine_docker" $command)" "" "doc/docker.md has a row for every option of docker $command"
done
is "$(grep -E '^\|[^|]*\| [a-z]+ \? \|' "$top_srcdir/doc/docker.md")" "" "... and none without a verdict"
done_testing
