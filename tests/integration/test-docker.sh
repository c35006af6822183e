#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `docker run` and the other container commands, as people type them: what each option does is read back
# from inside the container, from the kernel, or from docker. Titles that begin with "isolation:" are
# what other runtimes fail; everything else passes with ENGINE_RUNTIME=runc too.
TEST_TIMEOUT=${TEST_TIMEOUT:-900}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-docker; gate tool-busybox; gate tool-python3
diag "runtime $engine_runtime, cgroup driver $engine_cgroup_driver"

engine_docker_ready d

### What a container is by default
kcore=
[ ! -e /proc/kcore ] || kcore=yes
ask docker run --rm bb <<'END'
map: cat /proc/self/uid_map /proc/self/gid_map
uptime: cut -d . -f 1 /proc/uptime
id: id
pid: echo $$
env: echo "$FROM_IMAGE $HOME"
pwd: pwd
net: ip -o addr show eth0
sysnet: ls /sys/class/net
route: ip route
ping: ping -c 1 -W 5 172.17.0.1
resolv: cat /etc/resolv.conf
shm: df -k /dev/shm
mounts: cat /proc/mounts
status: cat /proc/self/status
cgroup: cat /proc/self/cgroup
dev: ls /dev
null: ls -ln /dev/null; echo x >/dev/null && head -c 3 /dev/zero | wc -c
ptmx: ls -l /dev/ptmx /dev/fd /dev/stdin
port: nc -l -p 80 -e true & sleep 0.2; kill $!; echo bound
owned: ls -ln /owned /data/seed
write: echo x >/new && ls -ln /new && rm -r /owned/of-1000 && ls /owned
chown: touch /tmp/f && chown 1000:1000 /tmp/f && ls -ln /tmp/f
high: touch /tmp/g && chown 65534:65534 /tmp/g && ls -ln /tmp/g
su: su user -c 'id -u; touch /tmp/byuser; ls -ln /tmp/byuser'
umount: umount /proc
mount: mount -t tmpfs none /mnt
sysrq: echo h >/proc/sysrq-trigger
kcore: [ ! -e /proc/kcore ] || head -c 1 /proc/kcore 2>/dev/null | wc -c
device: mknod /tmp/d b 7 0 && cat /tmp/d
fds: ls -l /proc/self/fd
END
unlike "${said[map]}" '^ *0 +0 ' "isolation: root of the container is not root of the host"
like "${said[map]}" '^ *0 +[1-9][0-9]+ +65536' "isolation: a range of 65536 ids"
below "${said[uptime]}" 30 "isolation: uptime begins with the container"
said_like id '^uid=0\(root\) gid=0\(root\)' "the user is root"
said_is pid 1 "the first process is process 1"
said_is env "yes /root" "the image's environment, and HOME"
said_is pwd / "the working directory is the root"
said_like net ' 172\.17\.0\.[0-9]+/16 ' "docker's address on eth0"
said_like sysnet 'eth0' "/sys/class/net shows eth0"
said_like route 'default via 172\.17\.0\.1' "docker's route"
said_like ping ' 0% packet loss' "ping to the bridge"
said_like resolv nameserver "/etc/resolv.conf"
said_like shm ' 65536 ' "/dev/shm has 64 MiB"
[ "${ENGINE_STORAGE:-overlay2}" = vfs ] || said_like mounts '^overlay / overlay rw' "the root is an overlay"
said_like mounts '^(proc|[^ ]+) /proc proc ' "/proc is proc"
said_like mounts ' /sys sysfs ro,' "/sys is read-only"
said_like mounts ' /sys/fs/cgroup[^ ]* cgroup2? ' "cgroups are mounted"
said_like status '^Seccomp:.*2' "a seccomp filter is on"
said_like status 'CapEff:.*00000000a80425fb' "Docker's default capabilities"
said_like status 'CapBnd:.*00000000a80425fb' "... are the bound"
said_like status 'CapInh:.*0000000000000000' "no inheritable capability (CVE-2022-24769)"
said_like status 'CapAmb:.*0000000000000000' "no ambient capability"
said_unlike cgroup 'cloister-test|cloistertest' "isolation: the cgroup's name on the host is hidden"
is "$(grep -v '^core$' <<<"${said[dev]}" | tr '\n' ' ' | sed 's/ $//')" "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero" \
	"/dev holds what it should"
said_like null '1, +3 .*/dev/null' "/dev/null is the null device"
said_like null '^3$' "/dev/null and /dev/zero work"
said_like ptmx '/dev/ptmx -> (/dev/)?pts/ptmx' "/dev/ptmx"
said_like port bound "a port below 1024 can be bound"
said_like owned ' 1000 +1000 .*of-1000' "files of the image keep their owner"
said_like owned ' 65534 +65534 .*of-65534' "... up to 65534"
said_like owned ' 1000 +1000 .*/data/seed' "... in directories of others"
said_unlike owned removed "a file that the upper layer removes is gone"
said_like write ' 0 +0 .*/new' "a new file is root's"
said_unlike write '^of-1000$' "a file of the image can be removed"
said_like chown ' 1000 +1000 ' "chown works"
said_like high ' 65534 +65534 ' "... for high ids"
said_like su '^1000$' "su to a user"
said_like su ' 1000 +1000 ' "... whose files are theirs"
said_like umount 'Operation not permitted|Permission denied' "root cannot unmount /proc"
said_like mount 'Operation not permitted|ermission denied|denied' "... nor mount"
said_like sysrq 'Read-only|Permission|nonexistent|denied' "/proc/sysrq-trigger cannot be written"
is "${said[kcore]}" "${kcore:+0}" "/proc/kcore is masked"
said_like device 'Operation not permitted|Permission denied' "a device node made inside cannot be used"
said_unlike fds '/var/tmp|/run/|/[0-9]+$|memfd|pidfd' "no descriptor of the runtime is inherited"

### Options that inspect and the container agree on
ask docker run --rm --hostname box --domainname test -w /tmp/made --user 1000:1001 --group-add 1234 --ulimit nofile=77:88 \
	--ulimit core=0 --shm-size 3m -e A=b --env-file <(echo C=d) --label x=y --add-host other:192.0.2.4 --dns 192.0.2.5 \
	--dns-search x.test --mac-address 02:42:aa:bb:cc:dd --sysctl net.ipv4.ping_group_range='0 5' --oom-score-adj 300 --init \
	--entrypoint /bin/sh --tmpfs /scratch:size=2m,mode=1770,uid=1000 --stop-signal INT bb -c 'exec "$@"' - <<'END'
hostname: hostname
domain: cat /proc/sys/kernel/domainname
pwd: pwd
ids: id -u; id -g; id -G
nofile: ulimit -n; ulimit -Hn
shm: df -k /dev/shm
env: echo $A $C
hosts: cat /etc/hosts
resolv: cat /etc/resolv.conf
mac: cat /sys/class/net/eth0/address
sysctl: cat /proc/sys/net/ipv4/ping_group_range
oom: cat /proc/self/oom_score_adj
init: cat /proc/1/comm; ls -l /sbin/docker-init
caps: grep Cap /proc/self/status
scratch: df -k /scratch; ls -lnd /scratch
own: ls -lnd /tmp/made
tmp: touch /tmp/x && ls -ln /tmp/x
END
said_is hostname box "--hostname"
said_is domain test "--domainname"
said_is pwd /tmp/made "-w makes the directory"
is "$(echo ${said[ids]})" "1000 1001 1001 1234" "--user and --group-add"
is "$(echo ${said[nofile]})" "77 88" "--ulimit"
said_like shm ' 3072 ' "--shm-size"
said_is env "b d" "-e and --env-file"
said_like hosts '192\.0\.2\.4.other' "--add-host"
said_like resolv 'search x\.test' "--dns-search"
said_like resolv 'nameserver 192\.0\.2\.5' "--dns"
said_is mac 02:42:aa:bb:cc:dd "--mac-address"
is "$(echo ${said[sysctl]})" "0 5" "--sysctl"
said_is oom 300 "--oom-score-adj"
said_like init '^(docker-init|tini)' "--init"
said_like caps 'CapEff:.0000000000000000' "another user has no effective capability"
said_like caps 'CapPrm:.0000000000000000' "... and none permitted"
said_like scratch ' 2048 ' "--tmpfs with a size"
said_like scratch '^drwxrwx--T.* 1000 ' "... a mode and an owner"
said_like tmp ' 1000 +1001 ' "files of --user"

is "$(docker run --rm -h a --user user bb id -un 2>&1)" user "--user by name"
is "$(docker run --rm --user 4321 bb id -u 2>&1)" 4321 "--user that nobody knows"
is "$(docker run --rm --read-only bb sh -c 'touch /x 2>&1; touch /tmp/x 2>&1; touch /dev/shm/x && echo shm')" \
	"touch: /x: Read-only file system
touch: /tmp/x: Read-only file system
shm" "--read-only"
like "$(docker run --rm --read-only bb attack remount-rw / 2>&1)" 'EPERM|EACCES' "--read-only cannot be undone"

### Capabilities, seccomp, no new privileges
caps() { docker run --rm "$@" bb sh -c "sed -n 's/^CapEff:.//p' /proc/self/status" 2>&1; }
is "$(caps --cap-drop ALL)" 0000000000000000 "--cap-drop ALL"
is "$(caps --cap-drop ALL --cap-add NET_BIND_SERVICE)" 0000000000000400 "--cap-add"
is "$(caps --cap-add SYS_PTRACE)" 00000000a80c25fb "--cap-add to the default ones"
# All that this Docker knows. runc fails when this machine's own bounding set lacks one.
all_caps='^(0000003f|000001ff)f[ef]ffffff$'
like "$(caps --cap-add ALL)" "$all_caps" "--cap-add ALL"
like "$(docker run --rm --cap-add NET_ADMIN bb sh -c 'ip addr add 192.0.2.9/32 dev lo && echo added')" \
	added "--cap-add NET_ADMIN is power over the container's own network"
is "$(docker run --rm --security-opt no-new-privileges bb sh -c "sed -n 's/^NoNewPrivs:.//p' /proc/self/status")" 1 \
	"--security-opt no-new-privileges"
cat >"$work/profile.json" <<'END'
{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
  { "names": [ "mkdir", "mkdirat" ], "action": "SCMP_ACT_ERRNO", "errnoRet": 78 } ] }
END
like "$(docker run --rm --security-opt seccomp="$work/profile.json" bb mkdir /x 2>&1)" 'Remote address changed' \
	"--security-opt seccomp=PROFILE with an error number of its own"
ok "--security-opt seccomp=unconfined" docker run --rm --security-opt seccomp=unconfined bb mkdir /x
like "$(docker run --rm bb unshare -U true 2>&1)" 'not permitted' "the default profile denies unshare"

### --privileged and --device
ask docker run --rm --privileged bb <<'END'
map: cat /proc/self/uid_map
nodes: find /dev -type c ! -path '/dev/pts/*' -o -type b | sed 's/^.dev.//' | sort
caps: sed -n 's/^CapEff:.//p' /proc/self/status
mount: mount -t tmpfs none /mnt && umount /mnt && echo mounted
sys: grep ' /sys sysfs ' /proc/mounts
own: ls -ln /dev/null
module: attack load-module
sysrq: attack write-same /proc/sys/kernel/seccomp/actions_logged
END
unlike "${said[map]}" '^ *0 +0 ' "isolation: --privileged is root of its own user namespace only"
unlike "${said[nodes]}" 'vda|loop|kmsg|mem$|nvram|sd[a-z]|vd[a-z]|rtc|hpet' "isolation: --privileged shows no device of the host"
unlike "$(grep -vxE 'null|zero|full|random|urandom|tty|fuse|net/tun|ptmx|console' <<<"${said[nodes]}")" . \
	"isolation: --privileged has null, zero, full, random, urandom, tty, fuse, net/tun and nothing else"
for node in null zero full random urandom tty; do said_like nodes "^$node\$" "--privileged has /dev/$node"; done
if [ -e /dev/fuse ]; then said_like nodes '^fuse$' "--privileged has /dev/fuse"; fi
said_like caps "$all_caps" "--privileged has all capabilities"
said_like mount mounted "--privileged can mount"
said_like sys ' rw,' "--privileged has a writable /sys"
said_like module 'EPERM|ENOSYS|EACCES' "isolation: --privileged loads no module"
said_like sysrq 'EACCES|EPERM|EROFS' "isolation: --privileged does not change the host's sysctls"

if [ -e /dev/fuse ]; then
	ask docker run --rm --device /dev/fuse bb <<-'END'
		node: ls -ln /dev/fuse
		open: exec 3<>/dev/fuse && echo open
	END
	said_like node '10, 229' "--device /dev/fuse"
	said_like open '^open$' "... can be opened"
fi
is "$(docker run --rm --device /dev/zero:/dev/other:r bb sh -c 'head -c 2 /dev/other | wc -c')" 2 "--device with another name"

### Networks
is "$(docker run --rm --network none bb ls /sys/class/net)" lo "--network none"
docker network create own >/dev/null
docker run -d --name web --network own --network-alias srv bb sh -c 'while echo hi | nc -l -p 80; do :; done' >/dev/null
like "$(docker run --rm --network own bb sh -c 'nc -w 5 srv 80')" hi "containers of a network reach each other by name"
ask docker run --rm --network container:web bb <<'END'
addr: ip -o addr show eth0
same: ip -o link
lo: nc -w 5 127.0.0.1 80
END
is "$(grep -o '172[0-9.]*' <<<"${said[addr]}" | head -n 1)" \
	"$(docker inspect -f '{{.NetworkSettings.Networks.own.IPAddress}}' web)" "--network container:X has its address"
said_is lo hi "... and its loopback"
docker rm -f web >/dev/null
docker run -d --name pub -p 127.0.0.1:8080:80 bb sh -c 'while echo published | nc -l -p 80; do :; done' >/dev/null
published() { [ "$(in_engine_net d busybox nc -w 2 "$(docker inspect -f '{{.NetworkSettings.IPAddress}}' pub)" 80 </dev/null)" = published ]; }
ok "the host reaches a container's port" eventually 10 published
is "$(docker port pub)" "80/tcp -> 127.0.0.1:8080" "-p"
docker rm -f pub >/dev/null
docker network rm own >/dev/null

### Other containers' namespaces
docker run -d --name base --ipc shareable bb sh -c 'touch /dev/shm/mark; exec sleep 1000' >/dev/null
ask docker run --rm --pid container:base bb <<'END'
one: tr '\0' ' ' </proc/1/cmdline
map: cat /proc/self/uid_map
END
said_like one 'sleep 1000' "--pid container:X"
is "${said[map]}" "$(docker exec base cat /proc/self/uid_map)" "... is in its user namespace"
is "$(docker run --rm --ipc container:base bb ls /dev/shm)" mark "--ipc container:X"
is "$(docker run --rm --ipc container:base --pid container:base --network container:base bb sh -c 'ls /dev/shm; ls /proc/1/exe >/dev/null && echo proc')" \
	"mark
proc" "all three"
docker rm -f base >/dev/null

### What is refused: one clear line, exit status 125, and nothing left
refuse() { # DESC REGEX OPTION…
	local desc=$1 regex=$2 out status
	shift 2
	out=$(docker run --rm --name refused "$@" bb true 2>&1)
	status=$?
	is "$status" 125 "isolation: $desc is refused"
	like "$(head -n 1 <<<"$out")" "^docker: Error response from daemon: .*($regex)" "isolation: ... and the first line says why"
	docker rm -f refused >/dev/null 2>&1
}
refuse "--pid=host" 'pid.*host|host.*pid' --pid host
refuse "--network=host" 'net.*host|host.*net' --network host
refuse "--ipc=host" 'ipc.*host|host.*ipc' --ipc host
refuse "--uts=host" 'uts.*host|host.*uts' --uts host
ask docker run --rm --userns host bb <<<'map: cat /proc/self/uid_map'
unlike "${said[map]}" '^ *0 +0 ' "isolation: --userns=host is ignored"
fails 127 "a program that is not there" docker run --rm bb /no/such
fails 126 "a program that is none" docker run --rm bb /etc/passwd
fails 'no such file|not found' "... with a reason" docker run --rm bb /no/such
is "$(docker run --rm bb sh -c 'exit 42' >/dev/null 2>&1; echo $?)" 42 "the exit status"
is "$(docker run --rm bb sh -c 'kill -TERM $$; sleep 1; kill -9 $$; exit 3' >/dev/null 2>&1; echo $?)" 3 "process 1 is not killed by its own signals"
is "$(docker ps -aq)" "" "no container is left so far"

done_testing
