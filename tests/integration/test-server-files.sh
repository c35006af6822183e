#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Emulated files behave as files of procfs: size 0, one text per open, whoever reads them and how.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
root=$work/root
make_root "$root"
need_containers --rootfs "$root"
name=$(cname files)
launch_detached "$name" --rootfs "$root" --memory 64M -- sleep 1000 || done_testing
init=$(init_pid "$name")
on_exit cloister delete --force "$name"
# The host's programs in the container's mount namespace: they are more than busybox has.
inside() { nsenter -t "$init" -m -- "$@"; }
proc=/proc/$init/root/proc
text=$(inside /bin/cat /proc/meminfo)
views="uptime meminfo cpuinfo stat loadavg swaps diskstats sys/kernel/panic sys/kernel/printk"

### stat says 0, before, while and after a file is read in every way
sizes() { for v in $views; do stat -c %s "$proc/$v"; done | sort -u | tr '\n' ' '; }
is "$(sizes)" "0 " "size 0 before"
for v in $views; do inside /bin/busybox cat "/proc/$v" >/dev/null; cat "$proc/$v" >/dev/null; done
is "$(sizes)" "0 " "size 0 after reading"
is "$(inside /bin/sh -c 'exec 3</proc/meminfo; busybox stat -c %s /proc/meminfo; busybox wc -c <&3; busybox stat -c %s /proc/meminfo' | tr '\n' ' ')" \
	"0 $((${#text} + 1)) 0 " "size 0 while it is open"

### Every way of copying gives the whole text
all() { # DESC CMD…: prints as many bytes as the text has, and begins and ends like it
	local desc=$1 out
	shift
	out=$("$@" 2>&1)
	is "${#out} ${out:0:9} ${out: -20}" "${#text} ${text:0:9} ${text: -20}" "$desc"
}
all "busybox cat (sendfile)" inside /bin/busybox cat /proc/meminfo
all "busybox cp" cloister exec "$name" busybox sh -c 'cp /proc/meminfo /tmp/copy && cat /tmp/copy'
all "cat" cat "$proc/meminfo"
all "cp" bash -c "cp $proc/meminfo $work/copy && cat $work/copy"
all "dd, byte by byte" dd if="$proc/meminfo" bs=1 status=none
all "dd in blocks of 7" dd if="$proc/meminfo" bs=7 status=none
all "tail" tail -n 1000 "$proc/meminfo"
all "busybox tail" inside /bin/busybox tail -n 1000 /proc/meminfo
all "head -c" head -c 100000 "$proc/meminfo"
all "python's read" python3 -c "print(open('$proc/meminfo').read(), end='')"
all "python's shutil.copyfile (fstat, then sendfile)" python3 -c "
import shutil; shutil.copyfile('$proc/meminfo', '$work/copy2'); print(open('$work/copy2').read(), end='')"
all "os.sendfile in pieces of 100 with an fstat between" python3 -c "
import os
i = os.open('$proc/meminfo', os.O_RDONLY); o = os.open('$work/copy3', os.O_RDWR | os.O_CREAT | os.O_TRUNC)
while True:
    n = os.sendfile(o, i, None, 100)
    assert os.fstat(i).st_size == 0
    if n == 0: break
print(open('$work/copy3').read(), end='')"
is "$(inside /bin/busybox sh -c 'echo 77 >/proc/sys/kernel/panic; busybox cat /proc/sys/kernel/panic')" 77 \
	"a sysctl just written, by sendfile"
is "$(python3 - "$proc/meminfo" <<'E'
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
try: mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ); print("mapped")
except (OSError, ValueError): print("refused")
E
)" refused "mmap is refused, as by procfs"

### Copies by sendfile are whole while others stat the file and open it
cat >"$work/race.py" <<'E'
import os, sys, time, threading
path, end = sys.argv[1], time.time() + 3
bad = []; copies = 0; sizes = set()
def look():
    while time.time() < end:
        sizes.add(os.stat(path).st_size)
        fd = os.open(path, os.O_RDONLY); sizes.add(os.fstat(fd).st_size); os.read(fd, 100); os.close(fd)
def copy(out):
    global copies
    while time.time() < end:
        fd = os.open(path, os.O_RDONLY); os.ftruncate(out, 0); os.lseek(out, 0, 0)
        while os.sendfile(out, fd, None, 1 << 20): pass
        os.close(fd)
        got = os.pread(out, 1 << 20, 0); copies += 1
        if not got.endswith(b"\n") or b"\0" in got or b"\n\n" in got or not got.startswith(b"MemTotal"): bad.append(got[-30:])
threads = [threading.Thread(target=look) for _ in range(2)] + [threading.Thread(target=copy, args=(os.memfd_create("o"),)) for _ in range(2)]
[t.start() for t in threads]; [t.join() for t in threads]
print(sorted(sizes), len(bad), bad[:3] if bad else "", "many" if copies > 20 else copies)
E
is "$(python3 "$work/race.py" "$proc/meminfo")" "[0] 0  many" "sendfile beside stat and open: whole texts, size 0"

### One text per open; a read at the start takes a new one
cat >"$work/reads.py" <<'E'
import os, random, sys, time
path = sys.argv[1]
fd = os.open(path, os.O_RDONLY); a = b""
while True: # takes longer than any view stays the same
    c = os.read(fd, 1)
    if not c: break
    a += c; time.sleep(0.01)
parts = [os.pread(fd, 1, i) for i in range(1, len(a))] # nothing but offset 0 renews
assert a[1:] == b"".join(parts), "texts differ"
for i in range(200):
    off = random.randrange(1, len(a) + 10); n = random.randrange(1, 5000)
    assert os.pread(fd, n, off) == a[off:off + n], (off, n)
first = os.pread(fd, 100, 0); time.sleep(0.05); second = os.pread(fd, 100, 0)
assert first != second, "not renewed"
assert os.pread(fd, 100, 1) == second[1:], "renewed twice"
os.lseek(fd, 0, 0); time.sleep(0.03); assert os.read(fd, 100) != second, "not renewed by lseek"
other = os.open(path, os.O_RDONLY); time.sleep(0.03)
mine = os.pread(fd, 100, 0); theirs = os.read(other, 100)
assert mine != theirs and os.pread(fd, 99, 1) == mine[1:], "two opens share a text"
print("good")
E
is "$(python3 "$work/reads.py" "$proc/uptime" 2>&1)" good "uptime: one text per open, at any offset and size"

### Workers come with load and go; a million opens end in ENFILE, here alone
server=$(family 'cloister-fs.*' | head -n 1)
threads() { awk '/^Threads/ { print $2 }' "/proc/$server/status"; }
for i in $(seq 40); do timeout 20 "$work/root/bin/busybox" sh -c "while [ ! -e $work/loaded ]; do read -r l <$proc/meminfo; done" & done
# Requests that take long, of so many that there is always one waiting: half of the CPUs are for quick ones.
many_threads() { kill -STOP "$server" && sleep 0.02 && kill -CONT "$server" && sleep 0.02 && [ "$(threads)" -ge 2 ]; }
[ "$(nproc)" = 1 ] || ok "more than one worker under load" eventually 15 many_threads
touch "$work/loaded"
wait
for i in $(seq 3); do sleep 1.1; cat "$proc/uptime" "$proc/uptime" "$proc/uptime" >/dev/null; done
is "$(threads)" 1 "one when it is over"
cat >"$work/many.py" <<'E'
import errno, os, resource, sys
path, other = sys.argv[1:]
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]; resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
assert hard > 2000
fds = []
try:
    for i in range(1000000): fds.append(os.open(path, os.O_RDONLY))
    print("a million")
except OSError as e:
    print(errno.errorcode[e.errno])
print("read" if os.pread(fds[-1], 100, 0) and os.pread(fds[0], 100, 0) else "empty")
print("other", open(other).read()[:8])
for fd in fds[:100]: os.close(fd)
print("again", open(path).read()[:8])
E
second=$(cname second)
launch_detached "$second" --rootfs "$root" -- sleep 1000
is "$(python3 "$work/many.py" "$proc/meminfo" "/proc/$(init_pid "$second")/root/proc/meminfo" 2>&1 | tr '\n' ' ')" \
	"ENFILE read other MemTotal again MemTotal " "a million opens end in ENFILE; the other container is served, and this one after closing some"
below "$(awk '/^Pss:/ { print $2 }' "/proc/$server/smaps_rollup")" 4096 "and the server is no larger than 4 MiB then"
cloister delete --force "$second"
cloister exec --user 1000 "$name" attack hold-files /proc/meminfo </dev/null >"$work/held" 2>&1 &
holder=$!
eventually 5 [ -s "$work/held" ]
is "$(cat "$work/held") $(cloister exec "$name" sh -c 'head -c 8 /proc/meminfo; free >/dev/null; echo $?' </dev/null)" "ENFILE MemTotal0" \
	"a user of the container who has all that he may leaves its root some"
kill $holder
wait $holder

### It does not hang on what others do
cloister pause "$name"
ok "a frozen container: its views are served to others" timeout 5 cat "$proc/uptime"
cloister resume "$name"
kill -STOP "$server"
cat "$proc/meminfo" >"$work/stopped" &
reader=$!
sleep 0.5
ok "a stopped server: a reader waits" kill -0 $reader
cat "$proc/meminfo" >/dev/null &
killed=$!
sleep 0.2
disown $killed
kill -9 $killed
eventually 2 sh -c "! kill -0 $killed 2>/dev/null"
ok "and can be killed" sh -c "! kill -0 $killed 2>/dev/null"
kill -CONT "$server"
wait $reader
like "$(cat "$work/stopped")" "^MemTotal" "the other reads when it goes on"
done_testing
