# SPDX-License-Identifier: Apache-2.0
"""Docker with Cloister beside Docker with crun and runc: `docker run`, and many containers at once.

The daemon is a private one: data, sockets, state directories in /run (in our mount namespace), cgroup
parent and a network namespace for its bridge. It is ended by its pid.
"""
import json, os, shutil, statistics, subprocess, sys, time
from common import *

RUN_DIRS = "containerd docker netns runc crun cloister".split()
CLIENT = next((p for p in ("/usr/bin/docker", shutil.which("docker")) if p and os.path.exists(p)), None)

def eventually(seconds, true):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true(): return True
        time.sleep(0.05)
    return False

class Docker:
    def __init__(self, work, runtimes, undo):
        self.dir = "%s/docker-%d" % (work, next(serial))
        self.parent = "/" + os.path.basename(work)
        self.client = [CLIENT, "--config", self.dir + "/client", "-H", "unix://" + self.dir + "/sock"]
        os.mkdir(self.dir)
        self.mounts(undo)
        undo.append(self.remove_cgroups)
        self.network(undo)
        self.configure(runtimes)
        self.start(undo)

    def mounts(self, undo):
        """What an engine keeps in /run whatever it is told."""
        for d in ["/run/" + name for name in RUN_DIRS]:
            if not os.path.isdir(d):
                os.mkdir(d)
                undo.append(lambda d=d: os.rmdir(d))
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0711", "cloister-bench", d], check=True)
            undo.append(lambda d=d: subprocess.run(["umount", "-R", d], check=True))

    def network(self, undo):
        p = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stdin=NULL, stdout=NULL)
        undo.append(lambda: (p.kill(), p.wait()))
        if not eventually(5, lambda: open("/proc/%d/comm" % p.pid).read() == "sleep\n"): sys.exit("bench: no network namespace")
        self.inside = ["nsenter", "--net=/proc/%d/ns/net" % p.pid]
        subprocess.run(self.inside + ["ip", "link", "set", "lo", "up"], check=True)

    def configure(self, runtimes):
        json.dump({"data-root": self.dir + "/data", "exec-root": self.dir + "/exec", "pidfile": self.dir + "/pid",
                   "hosts": ["unix://" + self.dir + "/sock"], "group": "root", "userland-proxy": False,
                   "storage-driver": "overlay2", "shutdown-timeout": 10, "cgroup-parent": self.parent,
                   "exec-opts": ["native.cgroupdriver=cgroupfs"],
                   "runtimes": {name: {"path": path} for name, path in runtimes.items() if name != "runc"}},
                  open(self.dir + "/daemon.json", "w"))

    def start(self, undo):
        log = open(self.dir + "/log", "w")
        p = subprocess.Popen(self.inside + ["dockerd", "--config-file", self.dir + "/daemon.json"], stdin=NULL, stdout=log, stderr=log)
        undo.append(lambda: self.stop(p))
        up = lambda: p.poll() is not None or self.ask("version", check=False).returncode == 0
        if not eventually(60, up) or p.poll() is not None: sys.exit("bench: dockerd: " + open(self.dir + "/log").read()[-600:])

    def stop(self, p):
        left = self.ask("ps", "-aq", check=False).stdout.split()
        if left: self.ask("rm", "-f", *left, check=False)
        p.terminate()
        try: p.wait(40)
        except subprocess.TimeoutExpired: note("dockerd did not end by itself"); p.kill(); p.wait()

    def remove_cgroups(self):
        for d, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
            if self.parent + "/" in d + "/": os.rmdir(d)

    def ask(self, *args, check=True):
        r = subprocess.run(self.client + list(args), capture_output=True, text=True, stdin=NULL, timeout=300)
        if check and r.returncode: sys.exit("bench: docker %s: %s" % (" ".join(args), r.stderr[-600:]))
        return r

def load_image(docker, work, root):
    tar = work + "/image.tar"
    subprocess.run(["tar", "-C", root, "-cf", tar, "."], check=True)
    docker.ask("import", "-c", 'CMD ["sh"]', tar, "busybox")
    os.unlink(tar)

def usable(docker, runtimes):
    """Docker and its image with each runtime: without Cloister there is nothing to measure."""
    found = []
    for name in runtimes:
        r = docker.ask("run", "--rm", "--runtime=" + name, "busybox", "true", check=name == "cloister")
        if r.returncode: note("docker: %s does not run here: %s" % (name, r.stderr[-300:]))
        else: found.append(name)
    return found

def one_run(a, table, docker, found):
    for label, network in (("--network none", ["--network", "none"]), ("the bridge", [])):
        note("docker run, " + label)
        argv = lambda name: docker.client + ["run", "--rm", "--runtime=" + name] + network + ["busybox", "true"]
        things = {name: lambda name=name: must(argv(name)) for name in found}
        alternate(things, 2)
        got = alternate(things, a.pairs)
        for peer in found:
            if peer == "cloister": continue
            goal = "≤ 1.05" if peer == "crun" or "crun" not in found else ""
            table.add("`docker run --rm busybox true`, %s / %s" % (label, peer), ms(got["cloister"]), ms(got[peer]),
                      ratio(got["cloister"], got[peer]), goal)

### Many at once

def up(docker, names):
    """Pids of those that run."""
    r = docker.ask("inspect", "-f", "{{.State.Status}} {{.State.Pid}}", *names, check=False)
    return [int(l.split()[1]) for l in r.stdout.splitlines() if l.startswith("running ")]

def shared_ids(pids):
    """How many containers have an id of the host that another one has, too, or one of the host's own."""
    ranges = []
    for pid in pids:
        for line in open("/proc/%d/uid_map" % pid):
            _, first, count = map(int, line.split())
            ranges.append((first, first + count, pid))
    ranges.sort()
    bad = {pid for first, _, pid in ranges if first < 65536}
    for (_, end, pid), (first, _, other) in zip(ranges, ranges[1:]):
        if first < end: bad |= {pid, other}
    return len(bad)

def burst(a, docker, name, seen):
    """Seconds until that many containers, all asked for at once, run."""
    names = ["bench-%d" % next(serial) for _ in range(a.parallel)]
    start = time.perf_counter()
    clients = [subprocess.Popen(docker.client + ["run", "-d", "--runtime=" + name, "--name", n, "busybox", "sleep", "100000"],
                                stdin=NULL, stdout=NULL, stderr=ERRORS) for n in names]
    failed = sum(p.wait() != 0 for p in clients)
    took = time.perf_counter() - start
    pids = up(docker, names)
    if failed or len(pids) < len(names): note("%s: %d of %d run: %s" % (name, len(pids), len(names), errors()))
    seen.setdefault(name, []).append((len(pids), shared_ids(pids)))
    docker.ask("rm", "-f", *names)
    return took

def many(a, table, docker, found):
    if "runc" not in found: return note("docker: no runc to compare with")
    note("%d containers at once" % a.parallel)
    seen = {}
    things = {name: lambda name=name: burst(a, docker, name, seen) for name in ("cloister", "runc")}
    got = alternate(things, 1 if a.quick else a.bursts)
    seconds = lambda v: "%.1f s" % statistics.median(v)
    table.add("docker starts %d at once / runc" % a.parallel, seconds(got["cloister"]), seconds(got["runc"]),
              ratio(got["cloister"], got["runc"]), "≤ 1")
    table.add("... that run then, at least", str(min(n for n, _ in seen["cloister"])), str(min(n for n, _ in seen["runc"])), "", str(a.parallel))
    table.add("... that share an id with another one or the host", str(max(n for _, n in seen["cloister"])),
              str(max(n for _, n in seen["runc"])), "", "0")

def measure(a, table, work, root, engines, undo):
    if not CLIENT or not shutil.which("dockerd"): return note("no Docker here")
    runtimes = {"cloister": CLOISTER, **{name: shutil.which(name) for name in ("crun", "runc") if shutil.which(name)}}
    docker = Docker(work, runtimes, undo)
    load_image(docker, work, root)
    found = usable(docker, runtimes)
    one_run(a, table, docker, found)
    many(a, table, docker, found)
