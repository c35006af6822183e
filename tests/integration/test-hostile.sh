#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a review of the launcher broke once: races with the container's start and end, and what a
# container can do to the commands that look after it.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox
root=$work/root
make_root "$root"
mkdir "$work/vol"
need_containers --rootfs "$root"

### `exec` while PID 1 still joins its tree: that happens in the workshop, below the host's root
volumes=()
for i in {1..150}; do volumes+=(-v "$work/vol:/mnt/$i"); done
name=$(cname early)
seen=
for _ in 1 2 3 4; do
	(
		until [ -e "$state/$name/config.json" ]; do :; done
		cloister exec "$name" sh -c "[ ! -e '$work' ] || echo the host" </dev/null
	) >"$tap_dir/early" 2>&1 &
	launch_detached "$name" --rootfs "$root" --cpus 0.01 "${volumes[@]}" -- sleep 100
	wait $!
	seen+=$(cat "$tap_dir/early")
	cloister delete --force "$name"
done
is "$seen" "" "an early exec sees nothing of the host and runs"

### What an image has chosen, on the administrator's terminal
name=$(cname shown)
printf -v odd '\e[2J\u009b2J\n%-20s 1        running  /' forged
launch_detached "$name" --rootfs "$root" --tmpfs "/mnt/$odd" -- sh -c 'sleep 100; :' "$odd"
cloister list >"$tap_dir/shown" && cloister status "$name" >>"$tap_dir/shown"
is "$(LC_ALL=C grep -c -e '^forged' -e "$(printf '[\001-\010\013-\037\177]')" -e "$(printf '\302\233')" "$tap_dir/shown")" 0 \
	"neither steers the terminal nor makes lines" || diag "$(cat -v "$tap_dir/shown")"
like "$(cat "$tap_dir/shown")" 'u001b' "(it is shown)"

### What others have put where the file with the pid goes
# shellcheck disable=SC2016 # of that shell
timeout -k 1 20 bash -c 'mkfifo -m 666 "$1/.pid.$$"; exec "${@:2}"' sh "$work" "$(type -P cloister)" --root "$state" exec --pid-file "$work/pid" "$name" true </dev/null
is "$? $(stat -c %F "$work/pid" 2>&1)" "0 regular file" "is not written to, and does not take its place"
cloister delete --force "$name"

### A host mount that arrives on a shared volume
if have idmap-tmpfs; then
	mkdir "$work/shared"
	mount -t tmpfs none "$work/shared" && mount --make-shared "$work/shared" && mkdir "$work/shared/late"
	name=$(cname late)
	launch_detached "$name" --rootfs "$root" -v "$work/shared:/vol:ro" -- sleep 100
	mount -t tmpfs -o mode=777 none "$work/shared/late"
	is "$(cloister exec "$name" sh -c 'grep /vol/late /proc/self/mountinfo; touch /vol/late/x && echo written' </dev/null 2>/dev/null)" "" \
		"what the host mounts on a volume later does not arrive, unshifted and writable"
	umount "$work/shared/late"
	cloister delete --force "$name"
	umount "$work/shared"
else
	skip idmap-tmpfs "what the host mounts on a volume later does not arrive"
fi

### Keys: a container that has used up its quota of keys must not thereby get the caller's keyring
name=$(cname keys)
launch_detached "$name" --rootfs "$root" --privileged -- attack key-fill k
eventually 2 sh -c "grep -Eq '^ *1[0-9]{5}: .* 200/200 ' /proc/key-users" || diag "$(cat /proc/key-users)"
fails 'ENOKEY|EACCES|EPERM|ENOSYS' "the caller's keyring stays outside when the container's quota is used up" \
	"$attack" with-key cloister-key "$(type -P cloister)" --root "$state" exec "$name" attack key-search cloister-key
cloister delete --force "$name"

### What the kernel counts for each user, and for whoever made the container
name=$(cname greedy)
launch_detached "$name" --rootfs "$root" -- attack use-up
ok "(a container that has all it may of message queues and inotify instances)" \
	eventually 3 sh -c "! '$(type -P cloister)' --root '$state' exec '$name' attack one-more </dev/null 2>/dev/null"
ok "leaves the host's root what is his" "$attack" one-more
ok "and another container" launch --rootfs "$root" -- attack one-more
cloister delete --force "$name"

### Sockets that know no network namespaces
if have vsock; then
	fails 'PermissionError|EPERM' "no AF_VSOCK by default" launch -- python3 -c 'import socket; socket.socket(socket.AF_VSOCK)'
else
	skip vsock "no AF_VSOCK by default"
fi

### A launcher that wakes up late must not remove a successor of the same name
name=$(cname again)
command cloister --root "$state" launch --name "$name" --rootfs "$root" -- sleep 1000 </dev/null >/dev/null 2>&1 &
old=$!
eventually 3 sh -c "[ -e '$state/$name/state.json' ]"
sleep 0.3
kill -STOP $old
cloister delete --force "$name"
launch_detached "$name" --rootfs "$root" -- sleep 1000
claim=$(ls "$state/.claims")
kill -CONT $old
wait $old
is "$(ls "$state/.claims")" "$claim" "a late launcher does not give back the ids of a successor"
ok "nor does it forget the successor" cloister exec "$name" true
cloister delete --force "$name"

### PID 1 that froze itself, in a v1 freezer: not even SIGKILL ends it
if [ -d /sys/fs/cgroup/freezer ]; then
	for sig in TERM KILL; do
		name=$(cname "frozen-$sig")
		command cloister --root "$state" launch --name "$name" --rootfs "$root" --privileged -- sh -c \
			'mkdir /sys/fs/cgroup/freezer/f; echo 0 >/sys/fs/cgroup/freezer/f/tasks; echo FROZEN >/sys/fs/cgroup/freezer/f/freezer.state' \
			</dev/null >/dev/null 2>&1 &
		launcher=$!
		eventually 3 grep -qs FROZEN "/sys/fs/cgroup/freezer/cloister-$name/f/freezer.state" || diag "it is not frozen"
		kill -$sig $launcher
		eventually 2 sh -c "! kill -0 $launcher 2>/dev/null && ! [ -e '$state/$name' ]"
		is "$(kill -0 $launcher 2>/dev/null && echo "the launcher waits"; ls -d "$state/$name" 2>/dev/null)" \
			"" "a frozen container ends with SIG$sig of its launcher" || cloister delete --force "$name"
		wait $launcher 2>/dev/null
	done
else
	skip cgroup-freezer "a frozen container ends with its launcher"
fi

### Two state roots, one machine: the same name is the same cgroup
name=$(cname twice)
launch_detached "$name" --rootfs "$root" -- sleep 1000
fails 'cgroup.*name' "a cgroup with another container's processes is refused" \
	"$(type -P cloister)" --root "$tap_dir/state2" launch --name "$name" --rootfs "$root" -- true
ok "and the other container lives on" cloister exec "$name" true
cloister delete --force "$name"

### The first thread of PID 1 ends, and others go on
name=$(cname leader)
launch_detached "$name" --rootfs "$root" -- attack leave-leader
pid=$(cloister ps --json "$name" | tr -d '[]')
eventually 5 grep -q '^State:.Z' "/proc/$pid/status"
like "$(grep '^Threads' "/proc/$pid/status")" '2$' "(the first thread has ended, another runs)"
like "$(cloister list | grep "$name")" ' running ' "a container is not over when the first thread of its first process is"
fails 'running' "nor is it deleted without force" cloister delete "$name"
ok "it can be killed" cloister kill "$name" KILL
ok "and has ended" eventually 5 sh -c "! grep -q '^Threads:.2' /proc/$pid/status 2>/dev/null"
cloister delete --force "$name"

### PID 1 so deep below its cgroup that the kernel tells no path: what `exec` starts must not stay in the caller's
v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
if [ -n "$v2" ]; then
	name=$(cname deep)
	launch_detached "$name" --rootfs "$root" --privileged -- sleep 1000
	ok "PID 1 goes deep" cloister exec "$name" attack deep-cgroup "$v2"
	cloister exec --detach --pid-file "$work/sleeper" "$name" sleep 1000 </dev/null >/dev/null 2>&1
	like "$(sed -n 's/^0:://p' "/proc/$(cat "$work/sleeper")/cgroup")" "$name" "which is below the container's cgroup"
	cloister delete --force "$name"
else
	skip cgroup-v2 "what exec starts is below the container's cgroup"
fi

### Everything inside is stopped as soon as it appears: `exec` must at least be interruptible
name=$(cname stopper)
launch_detached "$name" --rootfs "$root" -- attack stop-all 4000
command cloister --root "$state" exec "$name" true </dev/null >/dev/null 2>&1 &
launcher=$!
sleep 0.5
kill -TERM $launcher
eventually 5 sh -c "! kill -0 $launcher 2>/dev/null"
is "$(kill -0 $launcher 2>/dev/null && echo it waits)" "" "exec of a process that was stopped inside ends with SIGTERM"
kill -9 $launcher 2>/dev/null
wait $launcher 2>/dev/null
cloister delete --force "$name"
# Also where it runs already, and only then is stopped.
name=$(cname stopped)
launch_detached "$name" --rootfs "$root" -- sleep 1000
command cloister --root "$state" exec "$name" sleep 987 </dev/null >/dev/null 2>&1 &
launcher=$!
stop_it() { cloister exec "$name" sh -c 'kill -STOP $(ps -o pid,args | awk "\$2 == \"sleep\" && \$3 == 987 { print \$1 }")' </dev/null 2>/dev/null; }
ok "(a command of exec is stopped)" eventually 10 stop_it
kill -TERM $launcher
eventually 20 sh -c "! kill -0 $launcher 2>/dev/null" || kill -9 $launcher
wait $launcher 2>/dev/null
is $? 143 "exec of a process that was stopped later ends with SIGTERM too"
cloister delete --force "$name"

### What PID 1 holds while it waits: nothing of the host but what it works with
name=$(cname fds)
launch --detach --name "$name" --rootfs "$root" --cpus 0.01 "${volumes[@]}" -- sleep 100 </dev/null >/dev/null 2>&1 &
launcher=$!
held= # at the last look: at the first it may not have closed yet what it was born with
end=$((SECONDS + 5))
while [ $SECONDS -lt $end ] && kill -0 $launcher 2>/dev/null; do
	for pid in $(family cloister); do
		grep -qs '65536' "/proc/$pid/uid_map" || continue
		now=$(ls -l "/proc/$pid/fd" 2>/dev/null | sed -n 's/.* -> //p')
		[ -z "$now" ] || [ "$(readlink "/proc/$pid/exe")" != "$(readlink -f "$(type -P cloister)")" ] || held=$now
	done
done
wait $launcher
isnt "$held" "" "(the first process is seen before its exec)"
is "$(grep -E '^mnt:|/alive$|^/sys/fs/cgroup/[^/]*$' <<<"$held")" "" "before its exec it does not hold the host's namespace, cgroups or our lock"
cloister delete --force "$name"

done_testing
