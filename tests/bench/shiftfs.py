# SPDX-License-Identifier: Apache-2.0
"""shiftfs beside Debian's bindfs and fuse-overlayfs, and the plain directory: the same work in each.

One tree of some 9 000 files of this machine, on a tmpfs. Each server is mounted anew for each round;
ids are shifted by each as it can.
"""
import os, shutil, signal, statistics, subprocess, sys, tarfile, time
from common import *

FILES, BYTES = 9185, 126 << 20
BASE = 100000
STEPS = ["untar", "walk cold", "walk warm", "grep -r", "write 512 MB, fsync", "read 512 MB", "rm -r"]
GOALS = {"untar": 0.5, "grep -r": 0.5, "rm -r": 0.5, "walk cold": 0.6, "walk warm": 0.6}
PLAIN_GOALS = {"write 512 MB, fsync": 1.1, "read 512 MB": 1.1}

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
    def __init__(self, *options): self.options = options
    def mount(self, source, target):
        os.chown(source, BASE, BASE)
        self.target = target
        self.pid = int(subprocess.check_output([
            top + "/tests/lib/shift-mount", source, target, top + "/shiftfs-fallback/shiftfs", "--map", "0:%d:65536" % BASE] + list(self.options)))
        return target
    def unmount(self):
        subprocess.run(["umount", self.target], check=True)
        while os.path.exists("/proc/%d" % self.pid) and "Z" not in open("/proc/%d/stat" % self.pid).read().split(")")[1][:3]: time.sleep(0.01)

class Program:
    """A server that goes into the background when it is mounted."""
    def __init__(self, argv): self.argv = argv
    def mount(self, source, target):
        self.target = target
        subprocess.run(self.argv(source, target), check=True, stderr=subprocess.DEVNULL)
        return target
    def unmount(self): subprocess.run(["umount", self.target], check=True); time.sleep(0.2)

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
    return {"plain": Plain(), "shiftfs": Shiftfs(*options),
            "bindfs": Program(bindfs_argv),
            "fuse-overlayfs": Program(overlay_argv)}

def one(server, base, tar):
    source, target = base + "/source", base + "/target"
    os.mkdir(source), os.makedirs(target, exist_ok=True)
    d = server.mount(source, target)
    def remount():
        server.unmount()
        drop_caches()
        return server.mount(source, target)
    try: return work_in(d, tar, remount)
    finally:
        server.unmount()
        shutil.rmtree(source)

def measure(a, table, work, undo):
    base = work + "/shift"
    os.mkdir(base)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8g", "bench", base], check=True)
    undo.append(lambda: subprocess.run(["umount", "-l", base]))
    tar = base + "/tree.tar"
    make_tar(tar)
    all_servers = {n: s for n, s in servers(a.shiftfs.split()).items() if n in ("plain", "shiftfs") or shutil.which(n)}
    got = {name: [] for name in all_servers}
    for i in range(a.shiftfs_rounds):
        names = list(all_servers)
        random.Random(i).shuffle(names)
        for name in names: got[name].append(one(all_servers[name], base, tar))
    for step in STEPS:
        rows = {name: [r[step] for r in got[name]] for name in got}
        best = min((n for n in rows if n not in ("plain", "shiftfs")), key=lambda n: statistics.median(rows[n]), default="plain")
        if step in PLAIN_GOALS: best = "plain"
        goal = GOALS.get(step) or PLAIN_GOALS.get(step)
        others = ", ".join("%s %s" % (n, ms(rows[n])) for n in rows if n != "shiftfs")
        table.add("shiftfs: " + step, ms(rows["shiftfs"]), others, "%s of %s" % (ratio(rows["shiftfs"], rows[best]), best), "≤ %s" % goal)
