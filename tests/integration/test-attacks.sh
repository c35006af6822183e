#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A hostile container against the warden that works for it: whatever it does hurts itself only. Beside it
# another one is asked all the time; afterwards host and helpers are as before.
# With more than a second for each (make check-long) the machine has to have as much free memory as before.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox
root=$work/root
make_root "$root"
cp "$top_builddir"/tests/lib/{mediated,fusehang} "$root/bin/"
mkdir -p "$root"/new "$root"/other "$root/turn"
shift_owners "$root"
need_containers --rootfs "$root"
seconds=${ATTACK_SECONDS:-1}
ms=$((seconds * 1000))
name=$(cname hostile) other=$(cname other)
memory=
have cgroup-memory && memory='--memory 64M'
inside() { cloister exec "$name" "$@" </dev/null; }
# shellcheck disable=SC2086
launch_detached "$name" --privileged --rootfs "$root" $memory --pids 200 -- sleep 10000 || { fail "a container starts"; done_testing; }
# shellcheck disable=SC2086
launch_detached "$other" --rootfs "$root" $memory -- sleep 10000 || { fail "another one starts"; done_testing; }
host_mounts() { grep -c . /proc/self/mountinfo; }
helpers() { cloister status --json "$1" | json '"\n".join(str(h["pid"]) for h in d["helpers"] if h["alive"])'; }
kib() { for p in $(helpers "$name"); do awk '/^(RssAnon|RssShmem)/ { n += $2 } END { print n + 0 }' "/proc/$p/status" 2>/dev/null; done | awk '{ n += $1 } END { print n + 0 }'; }
fds() { for p in $(helpers "$name"); do ls "/proc/$p/fd" 2>/dev/null; done | wc -l; }
inside sh -c 'mediated sysinfo; mount -t proc proc /new; umount /new' >/dev/null
mounts_before=$(host_mounts) inside_before=$(inside grep -c . /proc/self/mountinfo) kib_before=$(kib)
processes() { family 'cloister-(warde|fs).*' | wc -l; }
few_processes() { [ "$(processes)" -le 8 ]; } # of each container: server, warden, twin, notifier
few_fds() { [ "$(fds)" -le "$fds_before" ]; }
free_kib() { echo 3 >/proc/sys/vm/drop_caches; awk '/^MemAvailable/ { print $2 }' /proc/meminfo; }
as_free() { [ "$(free_kib)" -ge $((free_before - 64 * 1024)) ]; }
[ "$seconds" = 1 ] || free_before=$(free_kib)
want=$(cloister exec "$other" mediated sysinfo </dev/null | grep ^totalram)
fds_before=$(($(fds) + 4))

# attack DESCRIPTION COMMAND…: for $ms, while the other container asks.
attack() {
	local desc=$1 asked=0 wrong=
	shift
	timeout -k 5 $((ms / 1000 * 2 + 60)) bash -c 'exec "$@" </dev/null' - "$(type -P cloister)" --root "$state" exec "$name" "$@" >"$tap_dir/attack" 2>&1 &
	local attacker=$!
	while kill -0 $attacker 2>/dev/null; do
		[ "$(cloister exec "$other" mediated sysinfo </dev/null | grep ^totalram)" = "$want" ] || wrong=$asked
		asked=$((asked + 1))
	done
	wait $attacker
	isnt $? 124 "$desc: it ends" || diag "$(tail -n 3 "$tap_dir/attack")"
	is "$wrong" "" "$desc: another container is served meanwhile"
	ok "$desc: no helper is left" eventually 20 few_processes || diag "$(ps -o pid,ppid,stat,etimes,wchan:20,args -p "$(family "cloister-(warde|fs).*" | paste -sd,)")"
	ok "$desc: nor a descriptor" eventually 5 few_fds
	inside sh -c 'for t in /new /other; do while umount -l $t 2>/dev/null; do :; done; done
		for m in $(awk "\$5 ~ /dn[0-9]|node\$/ && \$5 !~ /^.(proc|sys)/ { print \$5 }" /proc/self/mountinfo); do umount -l $m; done; rm -f /turn/* /dn* /new/node' 2>/dev/null
	is "$(inside mediated sysinfo | grep ^totalram)" "$want" "$desc: it is served afterwards"
	ok "$desc: a mount too" inside sh -c 'mount -t proc proc /new && attack covered /new/uptime && umount /new'
	is "$(host_mounts) $(inside grep -c . /proc/self/mountinfo)" "$mounts_before $inside_before" "$desc: all mounts are as before"
}
flood='for i in 1 2 3 4 5 6 7 8 9 10 11 12; do'
attack "floods of calls" sh -c "$flood mediated sysinfo-load $ms 4 & done; wait"
attack "floods of mounts" sh -c "$flood unshare -m mediated mount-load proc /new $ms & done; wait"
attack "callers that die" sh -c "unshare -m mediated mount-killed proc /new $ms & unshare -m mediated mknod-killed /other $ms & mediated sysinfo-killed $ms & wait"
attack "arguments that change" sh -c "mediated mount-swapped proc /new /other $ms & mediated mknod-turned /turn /other $ms & wait"
attack "memory that goes" mediated shaky /new $ms
attack "hands on helpers" sh -c "attack seize-all $ms & unshare -m mediated mount-load proc /new $ms & wait"
unlike "$(cat "$tap_dir/attack")" 'cloister|another root' "hands on helpers: none was seized or looked through"
attack "views held open" mediated open-views $ms
attack "storms of signals" timeout $((ms / 1000)) sh -c "while :; do mediated mount-storm proc /new 5; done"
# What is frozen in the middle of its calls, by the container itself, and goes on later
cat >"$root/freezer" <<'SH'
d=/sys/fs/cgroup/freezer/x f=freezer.state on=FROZEN off=THAWED
[ -d /sys/fs/cgroup/freezer ] || { d=/sys/fs/cgroup/x; f=cgroup.freeze on=1 off=0; }
mkdir $d || exit 1
sh -c "echo \$\$ >$d/cgroup.procs; exec unshare -m mediated mount-load proc /new $1" &
times=0
while kill -0 $! 2>/dev/null; do
	echo $on >$d/$f && sleep 0.05 && echo $off >$d/$f && times=$((times + 1))
	sleep 0.02
done
rmdir $d
[ $times -gt 3 ] && echo "frozen often"
SH
attack "callers that are frozen" sh /freezer "$ms"
like "$(cat "$tap_dir/attack")" "frozen often" "callers that are frozen: they were"
# One mount that becomes as many as there may be: the memory of that is its helper's, who pays alone.
wardens() { cloister status --json "$name" | json "[h['pid'] for h in d['helpers'] if h['name'] in ('cloister-fs', 'cloister-warden')]"; }
wardens_before=$(wardens)
if have cgroup-memory; then
	# Where its helpers are killed for it each successor tries again: not for ever.
	inside timeout -s KILL 100 unshare -m sh -c 'mount -t tmpfs none /other && mount --make-shared /other && mkdir /other/x && mount -t tmpfs none /new &&
		for i in $(seq 300); do mkdir /new/$i; mount --bind /other /new/$i; done
		for i in 1 2 3 4 5; do unshare -m --propagation shared sleep 1000 & done; sleep 1
		mount -t proc proc /other/x; kill $(jobs -p)' >"$tap_dir/multiply" 2>&1
	like "$(cat "$tap_dir/multiply")" 'mount: mounting proc on /other/x failed' "a mount that becomes too many is refused"
	is "$(wardens)" "$wardens_before" "nobody but its helper is killed for it"
	ok "the next one is served" inside sh -c 'mount -t proc proc /new && umount /new'
fi
# What it waits for costs the host's CPU time, of which its helpers have no more than one CPU's.
ticks() { for p in $(helpers "$name"); do sed 's/.*) //' "/proc/$p/stat"; done | awk '{ n += $12 + $13 + $14 + $15 } END { print n + 0 }'; }
cloister exec "$name" unshare -m attack remount-load /other 12000 </dev/null >"$tap_dir/load" &
ok "(thousands of mounts are made)" eventually 30 grep -qx made "$tap_dir/load"
rests() { for p in $(helpers "$name"); do cat "/proc/$p/task/"*/wchan; done 2>/dev/null | grep -q nanosleep; }
ok "sixteen calls at a time: who works on them rests in between" eventually 5 rests
ticks_before=$(ticks) begun=${EPOCHREALTIME/./}
sleep 5
used=$(($(ticks) - ticks_before)) elapsed=$(((${EPOCHREALTIME/./} - begun) * $(getconf CLK_TCK) / 1000000))
wait $!
below 1 "$used" "(helpers have been at work)"
below "$used" "$((elapsed * 13 / 10))" "sixteen calls at a time take no more than a CPU's time of helpers ($used of $elapsed ticks)"
below "$(kib)" "$((kib_before + 8192))" "the helpers' memory is as before (KiB)"
[ "$seconds" = 1 ] || ok "the machine's is, but for 64 MiB" eventually 30 as_free || diag "$free_before KiB before, now $(free_kib)"
for n in "$name" "$other"; do
	like "$(cloister status --json "$n" | json "','.join(sorted(h['name'] for h in d['helpers'] if h['alive']))")" 'cloister-fs,cloister-warden' "all helpers live"
	ok "and it is deleted" cloister delete --force "$n"
done
# A first process that waits for itself when it ends, and the kernel cannot end: its connection is aborted.
ended() { [ ! -e "/proc/$1" ]; }
# Also where it has left for a user namespace below, in which nobody is who mounted.
for way in 'kill NAME KILL' 'delete --force NAME' 'kill --all NAME KILL' 'delete --force NAME nested' 'kill NAME KILL nested'; do
	name=$(cname hanging) nested=
	[ "${way##* }" != nested ] || nested=nested way=${way% nested}
	launch_detached "$name" --privileged --rootfs "$root" -- sh -c "exec fusehang /new $nested >/turn/ready" || { fail "a container with a FUSE server starts"; continue; }
	ok "it waits for itself (${way%% *}${nested:+, $nested})" eventually 10 grep -qx open "$root/turn/ready"
	pid=$(init_pid "$name")
	# shellcheck disable=SC2086
	ok "cloister $way: ends a server that waits for itself${nested:+ in a nested user namespace}" cloister ${way/NAME/$name}
	ok "and it has ended" eventually 10 ended "$pid"
	cloister delete --force "$name" 2>/dev/null
	rm -f "$root/turn/ready"
done
# The lock of a directory that two share, held by one that waits for itself: the other is not hurt for ever, and
# who deletes it hears whom to end.
holder=$(cname holder) victim=$(cname victim)
mkdir -p "$work/vol/d"; shift_owners "$work/vol"
launch_detached "$holder" --privileged --rootfs "$root" -v "$work/vol:/mnt" -- sh -c "exec fusehang /new /mnt/d >/turn/ready"
ok "one holds a directory" eventually 10 grep -qx open "$root/turn/ready"
stuck() { grep -q '^State:.D' "/proc/$pid/status"; }
tries=0 # it may have come before the other held it
until [ $tries -ge 50 ] || stuck 2>/dev/null; do
	[ $tries = 0 ] || cloister delete --force "$victim" 2>/dev/null
	launch_detached "$victim" --rootfs "$root" -v "$work/vol:/mnt" -- sh -c 'exec touch /mnt/d/x' && pid=$(init_pid "$victim") && eventually 1 stuck
	tries=$((tries + 1))
done
cloister delete --force "$victim" >"$tap_dir/delete" 2>&1 &
deleting=$!
sleep 0.5
for _ in 1 2 3 4 5; do cloister list --quiet; done >"$tap_dir/list"
ok "other commands do not wait for the end of what cannot end" kill -0 "$deleting"
is "$(grep -cx "$victim" "$tap_dir/list")" 5 "which is still on record"
wait "$deleting"
is $? 1 "to delete it fails"
like "$(cat "$tap_dir/delete")" "it may wait for a FUSE file system of $holder:" "who waits for it cannot be ended, and it is named"
ok "that one is" cloister delete --force "$holder"
ok "then the other" cloister delete --force "$victim"
done_testing
