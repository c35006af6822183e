#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Readers and writers under load notice nothing while the helpers are killed or replaced.
# shellcheck disable=SC2046,SC2086
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
root=$work/root
make_root "$root"
shift_owners "$root"
need_containers --rootfs "$root"
# Under emulation everything takes so many times as long: a successor too has to have the time to begin.
slow=1
[ -z "${CLOISTER_IN_VM:-}" ] || slow=8
pause() { sleep "$(awk -v s="$1" -v slow=$slow 'BEGIN { print s * slow }')"; }
# How much of what is done for so many seconds, or so often, is done here.
some() { echo $((slow == 1 ? $1 : ($1 + 2) / 3)); }

# Our programs, as if installed: the server is a file that can be replaced.
bin=$work/bin
mkdir "$bin"
chmod 755 "$work" "$bin"
cp "$(type -P cloister)" "$top_builddir/src/cloister-warden" "$top_builddir/fusefs/cloister-fs" "$bin"
cp "$bin/cloister-fs" "$bin/real-fs"
PATH=$bin:$PATH
hash -r

# load SECONDS PROC WAIT: 20 readers over all views, some of them byte by byte, and 5 writers of sysctls.
cat >"$work/load.py" <<'E'
import os, random, sys, time
seconds, proc, patience = float(sys.argv[1]), sys.argv[2], float(sys.argv[3])
views = {"uptime": b".", "meminfo": b"MemTotal", "cpuinfo": b"processor", "stat": b"cpu ", "loadavg": b"/", "swaps": b"Filename",
         "diskstats": b"", "../sys/devices/system/cpu/online": b"0", "sys/kernel/panic": b"", "sys/kernel/printk": b""}
# The others are there where this kernel has them.
for v in ("vmstat", "zoneinfo", "buddyinfo", "pagetypeinfo", "slabinfo", "partitions", "softirqs", "schedstat", "pressure/cpu", "pressure/memory",
          "pressure/io", "../sys/devices/system/cpu/present", "../sys/devices/system/cpu/possible", "../sys/devices/system/node/online", "sys/kernel/random/boot_id"):
    if os.access(proc + "/" + v, os.R_OK): views[v] = b""
sysctls = [("kernel/panic", 1 << 30), ("kernel/kptr_restrict", 3), ("fs/file-max", 1 << 40), ("fs/nr_open", 1 << 30), ("kernel/panic_on_oops", 2)]
# in which order do lines stand, and how many are there: of two texts mixed up we see it
shape = {v: [l.split(b" ")[0] for l in open(proc + "/" + v, "rb").read().split(b"\n")] for v in ("meminfo", "swaps")}
end = time.time() + seconds
longest = 0.0
def timed(call, *args): # the longest that one system call had to wait
    global longest
    t = time.time()
    try: return call(*args)
    finally: longest = max(longest, time.time() - t)
def read(v, step):
    fd = timed(os.open, proc + "/" + v, os.O_RDONLY)
    got = b""
    while True:
        part = timed(os.read, fd, step)
        if not part: break
        got += part
    os.close(fd)
    return got
def reader(i):
    while time.time() < end:
        v = random.choice(list(views))
        got = read(v, (1, 7, 65536)[i % 3] if v != "cpuinfo" else 4096)
        yield
        assert views[v] in got, (v, got[:50])
        assert not got or got.endswith(b"\n"), (v, got[-50:])
        if v in shape: assert [l.split(b" ")[0] for l in got.split(b"\n")] == shape[v], (v, got)
def writer(i):
    name, most = sysctls[i]
    path = proc + "/sys/" + name
    while time.time() < end:
        n = random.randrange(1 if most > 3 else 0, most)
        fd = timed(os.open, path, os.O_WRONLY | os.O_TRUNC); timed(os.write, fd, b"%d\n" % n); os.close(fd)
        yield
        got = int(read("sys/" + name, 100))
        assert got == n, (name, got, n)
pids = []
for i in range(25):
    r, w = os.pipe()
    if os.fork() == 0:
        rounds, error = 0, ""
        try:
            for _ in reader(i) if i < 20 else writer(i - 20): rounds += 1
        except BaseException as e: error = repr(e)
        os.write(w, ("%f %d %s" % (longest, rounds, error)).encode()); os._exit(0)
    os.close(w); pids.append(r)
results = []
for i, r in enumerate(pids):
    f = os.fdopen(r).read().split(" ", 2)
    results.append((float(f[0]), int(f[1]), f[2] if len(f) > 2 else "gone"))
for e in sorted({r[2] for r in results if r[2]})[:5]: print("error:", e)
print("longest %.2f s" % max(r[0] for r in results), "SLOW" if max(r[0] for r in results) > patience else "fine")
print("rounds", "enough" if min(r[1] for r in results) >= 1 and sum(r[1] for r in results) >= (500 if patience == 2 else 25) else [r[1] for r in results], file=sys.stdout)
print(sum(r[1] for r in results), "in all", file=sys.stderr)
E
begin() {
	name=$(cname "$1")
	launch_detached "$name" --rootfs "$root" --memory 64M --name "$name" -- sleep 1000 || { fail "$1: a container starts"; done_testing; }
	proc=/proc/$(init_pid "$name")/root/proc
}
start_load() { python3 "$work/load.py" $(($(some "$1") * slow)) "$proc" $((2 * slow)) >"$work/load.out" 2>"$work/load.err" & load=$!; pause 0.3; }
check_load() { # DESC
	eventually $((15 * slow)) sh -c "! kill -0 $load 2>/dev/null"
	if kill -0 $load 2>/dev/null; then
		kill -9 $load
		pkill -9 -P $load
		fail "$1: everybody came to an end"
	fi
	is "$(sed 's/longest [0-9.]* s //' "$work/load.out")" $'fine\nrounds enough' "$1: no error, nobody waited for more than $((2 * slow)) s"
	diag "$(cat "$work/load.out" "$work/load.err")"
}
one() { family "$1" | head -n 1; }
kill_servers() { # COUNT
	local i
	for i in $(seq $(some "$1")); do kill -9 $(one 'cloister-fs.*') 2>/dev/null; pause 0.3; done
}

begin server
start_load 10
kill_servers 30
check_load "the server killed each 0.3 s"

start_load 5
for i in $(seq $(some 5)); do
	for kind in cloister-warden cloister-fs; do
		kill -9 $(one "$kind.*") 2>/dev/null
		pause 0.4
	done
done
check_load "warden, twin and server killed in turn"
is "$(cloister status --json "$name" | json 'all(h["alive"] for h in (d[0] if isinstance(d, list) else d)["helpers"])')" true "all helpers are there again"

### An open file goes on with its text
cat >"$work/slow.py" <<'E'
import os, subprocess, sys, time
fds = [os.open(sys.argv[1] + "/uptime", os.O_RDONLY) for _ in range(3)]
want = [os.pread(fd, 1000, 0) for fd in fds]
got = []
for n, fd in enumerate(fds): # the read of the start takes the text of now
    got.append(os.read(fd, 1)); want[n] = got[n] + os.pread(fd, 1000, 1)
os.kill(int(sys.argv[2]), 9)
for i in range(max(map(len, want))):
    time.sleep(0.02) # the text of now is another one
    for n, fd in enumerate(fds): got[n] += os.read(fd, 1)
print("same" if got == want else (got, want))
print("renewed" if os.pread(fds[0], 1000, 0) != want[0] else "old")
E
is "$(python3 "$work/slow.py" "$proc" "$(one 'cloister-fs.*')" | tr '\n' ' ')" "same renewed " "reading byte by byte over the server's death"

### A new server takes over, and the old one where the new one does not start
start_load 5
for i in $(seq $(some 6)); do
	cp "$bin/real-fs" "$bin/next" && mv "$bin/next" "$bin/cloister-fs"
	old=$(one 'cloister-fs.*')
	ok "reload $i" cloister reload "$name"
	new=$(one 'cloister-fs.*')
	[ "$old" != "$new" ] && [ "$(stat -Lc %i "/proc/$new/exe")" = "$(stat -c %i "$bin/cloister-fs")" ] ||
		fail "reload $i: the installed program serves"
	pause 0.4
done
check_load "reload under load"
current() { cloister status --json "$name" | json '[h["installed"] for h in (d[0] if isinstance(d, list) else d)["helpers"] if h["name"] != "its notifier"]'; }
helper_pid() { cloister status --json "$name" | json "(d[0] if isinstance(d, list) else d)['helpers'][$1]['pid']"; }
all_alive() { [ "$(cloister status --json "$name" | json 'all(h["alive"] for h in (d[0] if isinstance(d, list) else d)["helpers"])')" = true ]; }
like "$(cloister status "$name")" 'cloister-warden pid [0-9]+ +[0-9][^ ]* memory' "status says which version"

# The warden too, which is another program in the same process; its notifier goes on with what there was.
start_load 5
cloister exec "$name" sh -c 'end=$(($(date +%s) + 4)); n=0; while [ "$(date +%s)" -lt $end ]; do free >/dev/null || exit 1; n=$((n + 1)); done; [ $n -gt 5 ]' </dev/null &
calls=$!
pid=$(helper_pid 0)
for i in 1 2 3 4 5 6; do
	cp "$bin/cloister-warden" "$bin/next" && mv "$bin/next" "$bin/cloister-warden"
	is "$(current)" "[false, false, true]" "reload $i: warden and twin are not what is installed, and status says so"
	ok "reload $i, warden" cloister reload "$name"
	is "$(current)" "[true, true, true]" "reload $i: what is installed runs"
done
check_load "the warden replaced under load"
wait $calls
is $? 0 "system calls that it answers go on meanwhile"
is "$(helper_pid 0)" "$pid" "it is the same process"
kill -9 "$pid"
eventually 5 all_alive
is "$? $([ "$(helper_pid 0)" != "$pid" ] && echo another)" "0 another" "its twin can take over"
cp "$bin/cloister-warden" "$work/good-warden"
for bad in /bin/false /bin/true /bin/cat; do
	cp $bad "$bin/next" && mv "$bin/next" "$bin/cloister-warden"
	fails "one from before goes on" "$bad is no warden: the twin goes on" cloister reload "$name"
	eventually 5 all_alive || fail "after $bad: all helpers live"
done
cp "$work/good-warden" "$bin/next" && mv "$bin/next" "$bin/cloister-warden"
ok "and is replaced by one that is a warden" cloister reload "$name"
is "$(current)" "[true, true, true]" "which runs then"
echo 4711 >"$proc/sys/kernel/panic"
is "$(cloister reload --all --json | json '[(r["reloaded"], r["error"]) for r in d]')" '[[true, ""]]' "reload --all --json"
is "$(cat "$proc/sys/kernel/panic")" 4711 "values are kept"
cp /bin/false "$bin/next" && mv "$bin/next" "$bin/cloister-fs"
fails "one from before serves on" "a program that does not start is given up" cloister reload "$name"
is "$(cat "$proc/sys/kernel/panic")" 4711 "and the old one serves"
fails "does not exist" "reload of what does not exist" cloister reload "$(cname nobody)"
fails "names of containers, or --all" "reload of nothing" cloister reload
cloister delete --force "$name"

### As on kernels that cannot send requests again
cp "$top_builddir/tests/lib/stand-in" "$bin/cloister-fs"
begin noresend
like "$(tr '\0' ' ' <"/proc/$(one '(cloister|real)-fs.*')/cmdline")" "no-resend" "the server does not ask for a resend"
start_load 6
kill_servers 16
check_load "the server killed each 0.3 s, no resend"

### All at once: an error, never a host value, and status says so
pause 1 # for the last one's successor
while all=$(family 'cloister-.*') && [ -n "$all" ]; do kill -9 $all 2>/dev/null; sleep 0.1; done
out=$(timeout $((5 * slow)) cat "$proc/uptime" 2>&1)
isnt $? 0 "reading fails ($out)"
unlike "$out" '^[0-9]' "and shows no number"
like "$(cloister status "$name" 2>&1)" 'dead: they answer an error' "status says so"
fails "no server" "reload says so too" cloister reload "$name"
cloister delete --force "$name"
done_testing
