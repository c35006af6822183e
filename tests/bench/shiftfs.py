# SPDX-License-Identifier: Apache-2.0
"""shiftfs beside Debian's bindfs and fuse-overlayfs and libfuse's passthrough_hp, the plain directory, and
what mount.shiftfs makes where the kernel can map ids: the same work in each.

One tree of some 9 000 files of this machine, on a tmpfs and on ext4. Each server is mounted anew for each
round; ids are shifted by each as it can (passthrough_hp cannot). Then several clients at once, and what the
server holds of many files.
"""
import os, resource, shutil, statistics, subprocess, sys, tarfile, time
from common import *

FILES, BYTES = 9185, 126 << 20
BASE = 100000
STEPS = ["untar", "walk cold", "walk warm", "grep -r", "write 512 MB, fsync", "read 512 MB", "rm -r"]
GOALS = {"untar": 0.5, "grep -r": 0.5, "rm -r": 0.5, "walk cold": 0.6, "walk warm": 0.6}
PLAIN_GOALS = {"write 512 MB, fsync": 1.1, "read 512 MB": 1.1}
OURS = ["shiftfs", "shiftfs, io_uring"]
PEERS = ["bindfs", "fuse-overlayfs", "passthrough_hp"]

def make_tar(path):
    """Regular files of this machine, with their directories."""
    files = total = 0
    with tarfile.open(path, "w") as tar:
        for top in "/usr/include", "/usr/share", "/usr/lib":
            for base, dirs, names in os.walk(top):
                dirs.sort()
                for name in sorted(names):
                    full = os.path.join(base, name)
                    size = os.lstat(full).st_size
                    if not os.path.isfile(full) or os.path.islink(full) or size > 1 << 20: continue
                    if files >= FILES or (total + size > BYTES and size > 4096): continue
                    info = tar.gettarinfo(full, os.path.relpath(full, "/usr"))
                    info.uid = info.gid = 0
                    with open(full, "rb") as f: tar.addfile(info, f)
                    files, total = files + 1, total + size
    note("shiftfs: %d files, %d MiB" % (files, total >> 20))

def drop_caches():
    with open("/proc/sys/vm/drop_caches", "w") as f: f.write("3")

def timed(argv, cwd):
    start = time.perf_counter()
    subprocess.run(argv, cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start

def write_fsync(path):
    block = b"x" * (1 << 20)
    start = time.perf_counter()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    for _ in range(512): os.write(fd, block)
    os.fsync(fd)
    os.close(fd)
    return time.perf_counter() - start

def read_all(path):
    start = time.perf_counter()
    fd = os.open(path, os.O_RDONLY)
    while os.read(fd, 1 << 20): pass
    os.close(fd)
    return time.perf_counter() - start

def work_in(d, tar, remount):
    """All steps in directory d: seconds of each."""
    got = {}
    got["untar"] = timed(["tar", "-xf", tar], d)
    d = remount()
    walk = ["find", ".", "-size", "-1000000k", "-newermt", "2001-01-01"]
    got["walk cold"] = timed(walk, d)
    got["walk warm"] = timed(walk, d)
    got["grep -r"] = timed(["sh", "-c", "grep -r 'no such text anywhere' . || test $? = 1"], d)
    got["write 512 MB, fsync"] = write_fsync(d + "/big")
    got["read 512 MB"] = read_all(d + "/big")
    os.unlink(d + "/big")
    got["rm -r"] = timed(["rm", "-r"] + os.listdir(d), d)
    return got

class Plain:
    def mount(self, source, target): return source
    def unmount(self): pass

class Shiftfs:
    def __init__(self, *options): self.options = options + ("--no-io-uring",)
    def mount(self, source, target):
        os.chown(source, BASE, BASE)
        self.target = target
        self.pid = int(subprocess.check_output([
            top + "/tests/lib/shift-mount", source, target, top + "/shiftfs-fallback/shiftfs", "--map", "0:%d:65536" % BASE] + list(self.options)))
        return target
    def unmount(self):
        subprocess.run(["umount", self.target], check=True)
        while alive(self.pid): time.sleep(0.01)

IO_URING = "/sys/module/fuse/parameters/enable_uring"

class Rings(Shiftfs):
    """The same by io_uring, which the kernel offers at the mount if it is enabled then."""
    def __init__(self, *options): self.options = options
    def mount(self, source, target):
        with open(IO_URING) as f: before = f.read()
        with open(IO_URING, "w") as f: f.write("Y")
        try: super().mount(source, target); os.stat(target)
        finally:
            with open(IO_URING, "w") as f: f.write(before)
        return target

def alive(pid):
    try: return open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError): return False

class Program:
    """A server that goes into the background when it is mounted."""
    def __init__(self, argv): self.argv = argv
    def mount(self, source, target):
        self.target = target
        subprocess.run(self.argv(source, target), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return target
    def unmount(self): subprocess.run(["umount", self.target], check=True); time.sleep(0.2)

class Mapped(Program):
    """What mount.shiftfs does where the kernel can map: no server at all."""
    def __init__(self): self.argv = lambda source, target: [
        top + "/shiftfs-fallback/mount.shiftfs", source, target, "-o", "idmap=b:%d:0:65536,fallback=never" % BASE]
    def mount(self, source, target):
        os.chown(source, BASE, BASE)
        return super().mount(source, target)

def bindfs_argv(source, target):
    os.chown(source, BASE, BASE)
    return ["bindfs", "--map=%d/0:@%d/@0" % (BASE, BASE), source, target]  # an offset makes nothing: EIO

def overlay_argv(source, target):
    os.makedirs(source + "/upper", exist_ok=True)
    os.makedirs(source + "/wd", exist_ok=True)
    lower = os.path.dirname(source) + "/empty"
    os.makedirs(lower, exist_ok=True)
    maps = "0:%d:65536" % BASE
    return ["fuse-overlayfs", "-o", "lowerdir=%s,upperdir=%s/upper,workdir=%s/wd,uidmapping=%s,gidmapping=%s,allow_other" % (lower, source, source, maps, maps), target]

def servers(options):
    """All that can be had here; passthrough_hp is built from Debian's source package."""
    found = {"plain": Plain(), "ID-mapped": Mapped(), "shiftfs": Shiftfs(*options)}
    if os.access(IO_URING, os.W_OK): found["shiftfs, io_uring"] = Rings(*options)
    if shutil.which("bindfs"): found["bindfs"] = Program(bindfs_argv)
    if shutil.which("fuse-overlayfs"): found["fuse-overlayfs"] = Program(overlay_argv)
    hp = subprocess.run([source + "/tests/bench/fetch-hp.sh"], capture_output=True, text=True)
    if hp.returncode == 0: found["passthrough_hp"] = Program(lambda source, target: [hp.stdout.strip(), source, target])
    else: note("no passthrough_hp: " + hp.stderr.strip())
    return found

def with_server(server, base, work):
    """What work(directory, remount) says of a fresh directory below base, as server shows it."""
    source, target = base + "/source", base + "/target"
    os.mkdir(source), os.makedirs(target, exist_ok=True)
    d = server.mount(source, target)
    def remount():
        server.unmount()
        drop_caches()
        return server.mount(source, target)
    try: return work(d, remount)
    finally:
        server.unmount()
        shutil.rmtree(source)

def alternate_servers(some, base, rounds, work):
    """As alternate(): lists of what work says, by server."""
    return alternate({name: lambda s=s: with_server(s, base, work) for name, s in some.items()}, rounds)

def best_peer(rows): return min((n for n in rows if n in PEERS), key=lambda n: statistics.median(rows[n]), default="plain")

def steps(a, table, base, where, some, tar):
    got = alternate_servers(some, base, a.shiftfs_rounds, lambda d, remount: work_in(d, tar, remount))
    for step in STEPS:
        rows = {name: [r[step] for r in got[name]] for name in got}
        best = "plain" if step in PLAIN_GOALS else best_peer(rows)
        goal = GOALS.get(step) or PLAIN_GOALS.get(step)
        others = ", ".join("%s %s" % (n, ms(rows[n])) for n in rows if n not in OURS)
        for ours in OURS:
            if ours not in rows: continue
            table.add("%s%s: %s" % (ours, where, step), ms(rows[ours]), others, "%s of %s" % (ratio(rows[ours], rows[best]), best), "≤ %s" % goal)
            others = "as above"

### Several clients

CLIENTS = 1, 2, 4, 8
SOME_FILES = 500

def clients_in(d, remount):
    """Files that n clients together make, list, read and remove a second, by n."""
    script = "mkdir $1 && cd $1 && i=0 && while [ $i -lt %d ]; do echo text >f$i; i=$((i + 1)); done && cat f* >/dev/null && rm f*" % SOME_FILES
    speed = {}
    for n in CLIENTS:
        start = time.perf_counter()
        everyone = [subprocess.Popen(["busybox", "sh", "-c", script, "sh", "%d-%d" % (n, i)], cwd=d) for i in range(n)]
        if any(p.wait() for p in everyone): sys.exit("bench: shiftfs: a client of %d failed" % n)
        speed[n] = n * SOME_FILES / (time.perf_counter() - start)
    return speed

def clients(a, table, base, some):
    note("shiftfs: several clients")
    got = alternate_servers(some, base, a.shiftfs_rounds, clients_in)
    scale = {n: {k: [r[k] / r[1] for r in got[n]] for k in CLIENTS[1:]} for n in got}
    peers = [n for n in got if n in PEERS]
    for k in CLIENTS[1:]:
        if not peers: break
        best = max(peers, key=lambda n: statistics.median(scale[n][k]))
        show = lambda n: "%.2f (%.0f files/s)" % (statistics.median(scale[n][k]), statistics.median([r[k] for r in got[n]]))
        for ours in OURS:
            if ours not in got: continue
            table.add("%s: %d clients, times the files of one" % (ours, k), show(ours), ", ".join("%s %s" % (n, show(n)) for n in peers),
                      "%s of %s" % (ratio(scale[ours][k], scale[best][k]), best), "≥ 1")

### Memory

def many_files(a, table, base, server):
    """A server with a low limit of descriptors that is asked for the attributes of many files."""
    count = 20000 if a.quick else 1000000
    note("shiftfs: a walk over %d files" % count)
    def fill(source):
        for d in range(count // 1000):
            os.mkdir("%s/%d" % (source, d))
            for f in range(1000): os.close(os.open("%s/%d/file-%d" % (source, d, f), os.O_CREAT | os.O_WRONLY, 0o644))
    source, target = base + "/source", base + "/target"
    os.mkdir(source)
    fill(source)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    server.mount(source, target)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        before = memory([server.pid])["Pss"]
        seen = int(subprocess.check_output(["sh", "-c", "find . -size -100k | wc -l"], cwd=target))
        if seen != 1 + count + count // 1000: sys.exit("bench: shiftfs: %d of %d files seen" % (seen, count))
        held = memory([server.pid])["Pss"]
        drop_caches()
        time.sleep(2)
        kept = memory([server.pid])["Pss"]
    finally:
        server.unmount()
        shutil.rmtree(source)
    table.add("shiftfs: Pss after a walk over %d files, ulimit -n 1024" % count, "%.1f MiB" % (held / 1024), "%.1f MiB before" % (before / 1024), "", "< 300 MiB")
    table.add("... each inode that the kernel knows", "%.0f bytes" % ((held - before) * 1024 / count), "", "", "≤ 200 bytes")
    table.add("... when the kernel has dropped its caches", "%.1f MiB" % (kept / 1024), "", "", "")

### Where

def on_ext4(base, undo):
    """An ext4 of its own, in a file on the tmpfs: no disk is measured."""
    subprocess.run(["truncate", "-s", "3G", base + "/image"], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", base + "/image"], check=True)
    os.mkdir(base + "/ext4")
    subprocess.run(["mount", "-o", "loop", base + "/image", base + "/ext4"], check=True)
    undo.append(lambda: subprocess.run(["umount", "-l", base + "/ext4"]))
    return base + "/ext4"

def measure(a, table, work, undo):
    base = work + "/shift"
    os.mkdir(base)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8g,nr_inodes=2m", "bench", base], check=True)
    undo.append(lambda: subprocess.run(["umount", "-l", base]))
    tar = base + "/tree.tar"
    make_tar(tar)
    some = servers(a.shiftfs.split())
    steps(a, table, base, "", some, tar)
    steps(a, table, on_ext4(base, undo), " on ext4", some, tar)
    clients(a, table, base, some)
    many_files(a, table, base, some["shiftfs"])
