#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shiftfs by io_uring, where the kernel's module fuse has it enabled: all that holds without it, also when
# workers sleep, somebody waits for locks, others want the CPU, or the server is killed.
TEST_LANES="files machine" # it enables io_uring for all
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate fuse; gate fuse-io-uring; gate tool-python3
shiftfs=$top_builddir/shiftfs-fallback/shiftfs
parameter=/sys/module/fuse/parameters/enable_uring
was=$(cat $parameter)
backing=$work/backing view=$work/view
mkdir "$backing" "$view"
chmod 755 "$work"; chown 100000:100000 "$backing"
serve_from() { # SOURCE OPTION…
	"$top_builddir/tests/lib/shift-mount" "$1" "$view" "$shiftfs" --map 0:100000:65536 "${@:2}" >"$work/pid" 2>"$work/log" || { cat "$work/log"; return 1; }
	stat "$view" >"$work/null" # the kernel has the answer to INIT
}
serve() { serve_from "$backing" "$@"; }
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
unserve() { umount "$view" && eventually 5 gone "$(cat "$work/pid")" && cat "$work/log" && [ ! -s "$work/log" ]; }
rings() { find "/proc/$(cat "$work/pid")/fd" -lname 'anon_inode:*io_uring*' | wc -l; }
cleanup() {
	fsfreeze -u "$backing/disk" 2>/dev/null
	umount -l "$view" "$backing/disk" 2>/dev/null
	echo "$was" >$parameter
}
on_exit cleanup

### Whether
echo N >$parameter
ok "served where it is not enabled" serve
is "$(rings)" 0 "without rings"
like "$(cloister check)" 'FUSE over io_uring +limited +switched off' "cloister check says that it is only switched off"
like "$(cloister check)" "echo Y >$parameter" "and how it is switched on"
ok "unmounted" unserve
echo Y >$parameter
like "$(cloister check)" 'FUSE over io_uring +ok +enabled' "cloister check says that it is enabled"
for options in "--no-io-uring" "--survive" "--threads 1"; do
	# shellcheck disable=SC2086
	ok "served with $options where it is enabled" serve $options
	is "$(rings)" 0 "without rings too"
	umount "$view"; eventually 5 gone "$(cat "$work/pid")"
done
ok "served" serve
isnt "$(rings)" 0 "with rings"
reads() { awk '/^syscr/ { print $2 }' "/proc/$(cat "$work/pid")/task/$(cat "$work/pid")/io"; }
before=$(reads)
mkdir "$view/names"; (cd "$view/names" && seq 1000 | xargs touch && ls >"$work/null")
below $(($(reads) - before)) 100 "the connection is not read for 1000 files"
is "$(find "$backing/names" -type f -uid 100000 | wc -l)" 1000 "they are there"
head -c 3000000 /dev/urandom >"$view/big"
ok "so are 3 MB" cmp "$view/big" "$backing/big"

### Locks that somebody waits for take no worker
cat >"$work/wait.py" <<-'E'
	import fcntl, os, signal, sys
	fd = os.open(sys.argv[1], os.O_RDWR)
	def alarm(*_): raise InterruptedError
	signal.signal(signal.SIGALRM, alarm)
	if len(sys.argv) > 2: signal.alarm(1)
	try: fcntl.lockf(fd, fcntl.LOCK_EX)
	except InterruptedError: sys.exit(3)
E
cat >"$work/hold.py" <<-'E'
	import fcntl, os, sys, time
	fd = os.open(sys.argv[1], os.O_RDWR)
	fcntl.lockf(fd, fcntl.LOCK_EX)
	open(sys.argv[2], "w").close()
	while os.path.exists(sys.argv[2]): time.sleep(0.02)
E
touch "$view/lock"
timeout 60 python3 "$work/hold.py" "$view/lock" "$work/turn" &
eventually 10 test -e "$work/turn" || fail "the lock is taken"
pids=
for _ in $(seq 40); do timeout 60 python3 "$work/wait.py" "$view/lock" & pids="$pids $!"; done
fails 3 "who waits for a lock can be interrupted" timeout 20 python3 "$work/wait.py" "$view/lock" once
ok "40 others wait, and the rest goes on" timeout 20 sh -c "for i in \$(seq 200); do echo \$i >$view/other; done"
rm "$work/turn"
got=0
for pid in $pids; do wait "$pid" && got=$((got + 1)); done
is $got 40 "all get it in the end"

### Others that want the CPU
pids=
for cpu in $(seq 0 $(($(getconf _NPROCESSORS_ONLN) - 1))); do
	timeout 60 taskset -c "$cpu" sh -c 'while :; do :; done' & pids="$pids $!"
done
ok "requests are answered beside those who never sleep" timeout 40 sh -c "for i in \$(seq 300); do echo \$i >$view/other; done"
# shellcheck disable=SC2086
kill $pids; wait

### A backing that sleeps
truncate -s 32M "$work/disk.img"; mkfs.ext4 -q -F "$work/disk.img"; mkdir "$backing/disk"
umount "$view"; eventually 5 gone "$(cat "$work/pid")"
mount -o loop,noatime "$work/disk.img" "$backing/disk"; chown 100000:100000 "$backing/disk"
ok "a disk is served" serve_from "$backing/disk" --cache strict
mkdir "$view"/{1,2,3,4,5}; echo here >"$view/file"
fsfreeze -f "$backing/disk"
for i in 1 2 3 4 5; do taskset -c 0 touch "$view/$i/new" & done
sleep 0.3
is "$(timeout 10 taskset -c 0 cat "$view/file")" here "what does not sleep is served on the CPU of five who do"
fsfreeze -u "$backing/disk"; wait
is "$(find "$view" -name new | wc -l)" 5 "those are served when it wakes up"
ok "unmounted" unserve
umount "$backing/disk"

### Killed
ok "served" serve
(i=0; while echo x >"$view/x$((i % 50))"; do i=$((i + 1)); done) 2>"$work/said" &
sleep 0.3
kill -KILL "$(cat "$work/pid")"
ok "who uses the mount when the server is killed does not hang" timeout 10 tail --pid=$! -f /dev/null
like "$(cat "$work/said")" 'connected|abort|Input/output|canceled' "but is told"
umount "$view"

### All the rest
ok "all of test-shiftfs holds" env TEST_NO_LOCK=1 SHIFTFS_STEPS="${SHIFTFS_STEPS:-2000}" bash "$top_srcdir/tests/integration/test-shiftfs.sh"
done_testing
