#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Podman with our program as its runtime: conmon, its overlay storage, networks that Podman makes
# beforehand. "isolation:" titles are what other runtimes fail.
TEST_TIMEOUT=${TEST_TIMEOUT:-600}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-podman; gate tool-busybox; gate tool-python3
diag "runtime $engine_runtime"
engine_image_archive "$work/bb.tar" localhost/bb
on_exit engine_podman_stop
engine_podman_setup
ok "an image is loaded" podman load -q -i "$work/bb.tar"
image=localhost/bb
run() { podman run --cgroup-parent "/cloister-test-$$-podman" "$@"; }
if ! ok "podman run" run --rm $image true; then done_testing; fi

ask run --rm $image <<'END'
map: cat /proc/self/uid_map
id: id -u
uptime: cut -d . -f 1 /proc/uptime
owned: ls -ln /owned
write: echo x >/new && stat -c %u /new
net: ls /sys/class/net
addr: ip -o addr show eth0
ping: attack ping "$(ip route | sed -n 's/^default via \([0-9.]*\).*/\1/p')"
port: nc -l -p 80 -e true & sleep 0.2; kill $!; echo bound
hosts: cat /etc/hosts
END
unlike "${said[map]}" '^ *0 +0 ' "isolation: root is not root of the host"
said_is id 0 "the user is root"
below "${said[uptime]}" 30 "isolation: uptime begins with the container"
said_like owned ' 1000 +1000 .*of-1000' "files of the image keep their owner"
said_is write 0 "a new file is root's"
said_like net 'eth0' "/sys/class/net shows Podman's interface"
said_like addr 'inet 10\.' "... which has its address"
said_like ping answered "ping in a network namespace of Podman's"
said_like port bound "a port below 1024 in it"
ask run --rm --hostname box -e A=b -w /tmp --user 1000:1000 --ulimit nofile=77:88 --ulimit nproc=4096:4096 --shm-size 3m --read-only --tmpfs /scratch --pids-limit 50 -m 64m $image <<'END'
hostname: hostname
env: echo $A
pwd: pwd
id: id -u; id -g
nofile: ulimit -n
shm: df -k /dev/shm
ro: touch /x
scratch: touch /scratch/x 2>&1; df /scratch
mem: sed -n 's/^MemTotal: *//p' /proc/meminfo
END
said_is hostname box "--hostname"
said_is env b "-e"
said_is pwd /tmp "-w"
is "$(echo ${said[id]})" "1000 1000" "--user"
said_is nofile 77 "--ulimit"
said_like shm ' 3072 ' "--shm-size"
said_like ro 'Read-only' "--read-only"
said_like scratch '/scratch' "--tmpfs"
said_is mem "65536 kB" "isolation: -m is what /proc/meminfo shows"
make_volume "$work/vol"
is "$(run --rm -v "$work/vol:/v" $image sh -c 'stat -c %u /v/of-1000; echo x >/v/new; stat -c %u /v/new'; stat -c %u "$work/vol/new")" $'1000\n0\n0' "a bind mount, from both sides"
like "$(run --rm -v "$work/vol:/v:ro" $image sh -c 'attack remount-rw /v; touch /v/x' 2>&1)" 'touch.*Read-only' "... :ro for good"
is "$(run --rm -v "$work/vol:/v:O" $image sh -c 'stat -c %u /v/of-1000; echo x >/v/thrown-away; cat /v/thrown-away'; ls "$work"/vol/thrown* 2>/dev/null)" $'1000\nx' "... :O: what is written goes with the container"
is "$(run --rm -v "$work/vol:/v:idmap" $image stat -c %u /v/of-1000)" 1000 "... :idmap"
if grep -q ' /sys/fs/cgroup/systemd cgroup ' /proc/mounts; then
	is "$(run --rm --systemd=always $image sh -c 'cd /sys/fs/cgroup/systemd && mkdir x && echo $$ >x/cgroup.procs && grep -o "systemd:.*" /proc/self/cgroup; touch /sys/fs/cgroup/pids/y 2>&1; ls -d *.slice docker' 2>/dev/null)" \
		$'systemd:/x\ntouch: /sys/fs/cgroup/pids/y: Read-only file system' "--systemd=always on cgroup v1: its own part of the hierarchy, and nothing else is writable"
fi
is "$(run --rm -v named:/data $image stat -c %u /data/seed)" 1000 "a named volume is filled from the image"
is "$(run --rm $image sh -c 'exit 42'; echo $?)" 42 "the exit status"
fails 127 "a program that is not there: 127" run --rm $image /no/such
fails 126 "a program that is none: 126" run --rm $image /etc/passwd
is "$(echo in | run --rm -i $image cat)" in "-i"

run -d --name c $image sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done' >/dev/null
running() { [ "$(podman inspect -f '{{.State.Status}}' "$1")" = "$2" ]; }
ready() { podman logs c | grep -q ready; }
ok "logs" eventually 10 ready
is "$(podman exec c id -u)" 0 "exec"
is "$(podman exec --user 1000 -w /tmp -e X=y c sh -c 'id -u; pwd; echo $X' | tr '\n' ' ')" "1000 /tmp y " "exec --user -w -e"
is "$(podman exec c sh -c 'exit 9'; echo $?)" 9 "exec's exit status"
is "$(echo in | podman exec -i c cat)" in "exec -i"
like "$(podman top c)" 'sleep|sh' "top"
ok "pause" podman pause c
ok "... is paused" running c paused
ok "unpause" podman unpause c
echo "from host" >"$work/file"
chown 1000:1000 "$work/file"
tar_in() { tar -C "$work" --owner 0 --group 0 -c file | podman exec -i c tar -C /tmp -x; }
mount_in() { cp "$work/file" "$(podman mount c)/tmp/mounted" && podman umount c >/dev/null; }
paused_in() { podman pause c >/dev/null && podman cp "$work/file" c:/tmp/paused; podman unpause c >/dev/null; }
# Podman enters the mount namespace as the host's root, who is nobody there (doc/podman.md).
fails 'value too large' "cp into a running container is refused" podman cp "$work/file" c:/tmp/refused
ok "... tar into it is a way" tar_in
ok "... podman mount another" mount_in
ok "... and cp while it is paused" paused_in
is "$(podman exec c sh -c 'cd /tmp; ls; cat file mounted paused; stat -c %u file mounted paused' | tr '\n' ' ')" \
	"file mounted paused from host from host from host 0 0 0 " "... each arrives as root's, and nothing else does"
podman exec c chown 1000:1000 /tmp/file
ok "cp out" podman cp c:/tmp/file "$work/out"
is "$(cat "$work/out"; stat -c %u "$work/out")" $'from host\n0' "... with its content, as root's"
ok "stop" podman stop -t 10 c
is "$(podman inspect -f '{{.State.ExitCode}}' c)" 3 "... ends by its own handler"
ok "cp into a stopped container" podman cp "$work/file" c:/tmp/stopped
ok "cp out of it" podman cp c:/tmp/stopped "$work/out2"
ok "start again" podman start c
is "$(cat "$work/out2"; podman exec c stat -c %u /tmp/stopped /tmp/file | xargs)" $'from host\n0 1000' "... content and owners are right"
ok "kill" podman kill c
ok "... ends" eventually 10 running c exited
# Podman may still be at unmounting it.
differs() { podman container diff c | grep -q '/tmp/file'; }
ok "diff" eventually 10 differs
ok "commit" podman commit -q c localhost/committed
is "$(run --rm localhost/committed cat /tmp/file)" "from host" "... is in the image"
ok "rm" podman rm -f -t 0 c
### Copying from a container that plays tricks with what is copied: Podman is in its mounts then
within() { # SECONDS COMMAND…: podman, 124 if it waits
	CONTAINERS_CONF=$work/podman/containers.conf CONTAINERS_STORAGE_CONF=$work/podman/storage.conf timeout -k 1 "$1" \
		nsenter --net="/proc/${engine_net[podman]}/ns/net" podman --storage-driver "${ENGINE_PODMAN_STORAGE:-overlay}" \
		--root "$work/podman/storage" --runroot "$work/podman/run" --tmpdir "$work/podman/tmp" "${@:2}" </dev/null
}
mkdir "$work/tools" "$work/host"; cp "$top_builddir"/tests/lib/{attack,fusetrap} "$work/tools"
echo of the host >"$work/host/secret"
run -d --name tricks --privileged -v "$work/tools:/tools:ro" $image sh -c "mkdir -p /tmp/real /tmp/trap; mkfifo /tmp/fifo
	echo in >/tmp/real/secret; ln -s $work/host /tmp/link; ln -s /proc/self/root/$work/host /tmp/magic
	/tools/fusetrap /tmp/trap -1 -14 -15 & /tools/attack swap /tmp/real /tmp/link /tmp/stop; sleep 1000" >/dev/null
ok "(it plays them)" eventually 10 podman exec tricks sh -c 'grep -q " /tmp/trap " /proc/mounts'
ends() { within "$@" >/dev/null 2>&1; case $? in 124 | 137) false ;; esac; }
ok "cp out of a pipe ends" ends 10 cp tricks:/tmp/fifo "$work/fifo"
ok "cp out of a FUSE file system that never answers ends" ends 10 cp tricks:/tmp/trap "$work/trap"
ok "... of all of it" ends 20 cp tricks:/tmp "$work/all"
ok "diff ends" ends 20 diff tricks
read_out=''
for i in 1 2 3 4 5 6 7 8; do
	read_out+=$(within 10 cp tricks:/tmp/real/secret - 2>/dev/null | tar -xOf - 2>/dev/null)
	read_out+=$(within 10 cp tricks:/tmp/magic/secret - 2>/dev/null | tar -xOf - 2>/dev/null)
	within 10 cp "$work/file" "tricks:/tmp/real/evil$i" 2>/dev/null
done
for i in 1 2 3; do read_out+=$(within 20 export tricks 2>/dev/null | tar -xOf - --wildcards '*secret' 2>/dev/null); done
podman exec tricks touch /tmp/stop
ok "(it stops swapping)" eventually 10 podman exec tricks sh -c '! ps | grep -q "[a]ttack swap"'
for p in real link; do read_out+=$(within 10 cp tricks:/tmp/$p/secret - 2>/dev/null | tar -xOf - 2>/dev/null); done
like "$read_out" in "(copies come through)"
unlike "$read_out" host "a path that changes between a directory and a link, or a link of procfs, leads cp and export to nothing of the host"
is "$(ls "$work/host")" secret "... nor writes it"
ok "commit, which pauses it, ends" ends 40 commit -q tricks localhost/tricks
ok "logs" within 10 logs tricks
ok "and it is removed" within 20 rm -f -t 0 tricks
run -d --name rm $image sleep 1000 >/dev/null
ok "rm -f of a running container" podman rm -f -t 0 rm
fails 'host' "isolation: --pid=host is refused" run --rm --pid host $image true
fails 'host' "isolation: --network=host is refused" run --rm --network host $image true
podman rm -a -f -t 0 >/dev/null 2>&1
unlike "$(run --rm --userns host $image cat /proc/self/uid_map)" '^ *0 +0 ' "isolation: --userns=host is ignored"
unlike "$(run --rm --privileged $image cat /proc/self/uid_map 2>&1)" '^ *0 +0 ' "isolation: --privileged too"

# With ids that Podman chose itself it knows whose files it writes.
printf 'containers:200000000:262144\n' >"$work/subids"
for file in /etc/subuid /etc/subgid; do mount --bind "$work/subids" "$file" && on_exit umount "$file"; done
ok "--userns=auto" run -d --name auto --userns=auto:size=65536 $image sleep 1000
is "$(podman exec auto cat /proc/self/uid_map | xargs)" "0 200000000 65536" "... keeps Podman's range"
ok "... cp into it" podman cp "$work/file" auto:/tmp/file
is "$(podman exec auto sh -c 'cat /tmp/file; stat -c %u /tmp/file /owned/of-1000; chown 1000 /tmp/file' | xargs)" "from host 0 1000" "... owners are right"
ok "... cp out of it" podman cp auto:/tmp/file "$work/out3"
is "$(cat "$work/out3")" "from host" "... too"
podman rm -f -t 0 auto >/dev/null
printf 'FROM localhost/bb\nRUN cat /proc/self/uid_map >/map\nRUN --mount=type=cache,target=/c touch /c/x\n' >"$work/Containerfile"
ok "build" podman build -q --isolation oci --network none -t localhost/built -f "$work/Containerfile" "$work/vol"
unlike "$(run --rm localhost/built cat /map)" '^ *0 +0 ' "isolation: its steps are contained"
is "$(podman ps -aq)" "" "no container is left"
for command in run create; do
	is "$(options_without_row podman.md "## What podman run's and podman create's options do" podman $command)" "" "doc/podman.md has a row for every option of podman $command"
done

done_testing
