#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table: Cloister against Debian's crun, runc and lxcfs, side by side in one run.

Ratios are medians over alternating pairs, with a 95 % bootstrap interval. Runs as root below
tests/lib/under, in a mount namespace of its own. `--quick` takes fewer of everything.
"""
import argparse, glob, json, os, platform, random, re, shutil, statistics, subprocess, sys, tempfile, time

top = os.environ["top_builddir"]
CLOISTER = top + "/src/cloister"
FILES = ["/proc/uptime", "/proc/meminfo", "/proc/stat", "/proc/cpuinfo"]
NULL = os.open("/dev/null", os.O_RDWR)

def note(text): print("bench: " + text, file=sys.stderr, flush=True)

def run(argv, out=None):
    """Seconds from spawn to end of argv, and its status. Without fork: the parent is large."""
    start = time.perf_counter()
    actions = [(os.POSIX_SPAWN_DUP2, NULL, 0), (os.POSIX_SPAWN_DUP2, NULL if out is None else out, 1)]
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
    status = os.waitpid(pid, 0)[1]
    return time.perf_counter() - start, status

def must(argv):
    took, status = run(argv)
    if status: sys.exit("bench: status %d of: %s" % (os.waitstatus_to_exitcode(status), " ".join(argv)))
    return took

def interval(values, stat=statistics.median, times=2000):
    """95 % bootstrap interval."""
    rng = random.Random(1)
    got = sorted(stat(rng.choices(values, k=len(values))) for _ in range(times))
    return got[int(times * 0.025)], got[int(times * 0.975)]

def ratio(ours, theirs):
    r = [a / b for a, b in zip(ours, theirs)]
    low, high = interval(r)
    return "%.2f (%.2f–%.2f)" % (statistics.median(r), low, high)

def alternate(things, rounds):
    """things: name -> function giving a number; each once a round, in changing order."""
    got = {name: [] for name in things}
    for i in range(rounds):
        names = list(things)
        random.Random(i).shuffle(names)
        for name in names: got[name].append(things[name]())
    return got

def descendants():
    """Pids below our parent (the subreaper), with command names."""
    parents, names = {}, {}
    for d in os.listdir("/proc"):
        if not d.isdigit(): continue
        try: text = open("/proc/%s/stat" % d).read()
        except OSError: continue
        names[int(d)] = text[text.index("(") + 1:text.rindex(")")]
        parents[int(d)] = int(text[text.rindex(")") + 2:].split()[1])
    found, more = {os.getppid()}, True
    while more:
        new = {p for p, parent in parents.items() if parent in found} - found
        found |= new
        more = bool(new)
    return [(p, names[p]) for p in found if p in names]

def helpers(): return [p for p, name in descendants() if name.startswith("cloister")]

def memory(pids):
    total = {"Pss": 0, "Pss_Dirty": 0}
    for p in pids:
        try: text = open("/proc/%d/smaps_rollup" % p).read()
        except ProcessLookupError: continue  # a zombie has no memory
        for line in text.splitlines():
            key, _, value = line.partition(":")
            if key in total: total[key] += int(value.split()[0])
    return total

def switches(pids):
    n = 0
    for p in pids:
        for f in glob.glob("/proc/%d/task/*/status" % p):
            n += sum(int(x) for x in re.findall(r"ctxt_switches:\s+(\d+)", open(f).read()))
    return n

def available():
    subprocess.run(["sync"], check=True)
    with open("/proc/sys/vm/drop_caches", "w") as f: f.write("3")
    time.sleep(1)
    return int(re.search(r"MemAvailable:\s+(\d+)", open("/proc/meminfo").read()).group(1))

def make_root(d):
    for sub in "bin etc proc sys dev tmp root usr/bin".split(): os.makedirs(d + "/" + sub)
    busybox = shutil.which("busybox")
    shutil.copy(busybox, d + "/bin/busybox")
    for name in subprocess.check_output([busybox, "--list"], text=True).split():
        if name != "busybox": os.symlink("busybox", d + "/bin/" + name)
    shutil.copy(top + "/tests/bench/readlat", d + "/bin/readlat")
    open(d + "/etc/passwd", "w").write("root:x:0:0:root:/root:/bin/sh\n")

def make_bundle(work, name, root, args, extra_mounts=()):
    """What `runc spec` gives, in a user namespace."""
    d = work + "/bundle-" + name
    os.mkdir(d)
    subprocess.run(["runc" if shutil.which("runc") else "crun", "spec"], cwd=d, check=True)
    spec = json.load(open(d + "/config.json"))
    spec["process"].update(terminal=False, args=args)
    spec["root"] = {"path": root, "readonly": False}
    spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "user"] + [{"type": "user"}]
    for m in "uidMappings", "gidMappings":
        spec["linux"][m] = [{"containerID": 0, "hostID": 1000000, "size": 65536}]
    spec["mounts"] += list(extra_mounts)
    json.dump(spec, open(d + "/config.json", "w"))
    return d

class Table:
    def __init__(self): self.rows = []
    def add(self, *cells): self.rows.append(cells); note(" | ".join(cells))
    def show(self):
        head = ("measurement", "cloister", "beside", "ratio (95 %)", "goal")
        print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
        for row in self.rows: print("| " + " | ".join(row) + " |")

def ms(values): return "%.1f ms" % (statistics.median(values) * 1000)

def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--pairs", type=int, default=40)
    ap.add_argument("--containers", type=int, default=100)
    ap.add_argument("--idle", type=int, default=60)
    a = ap.parse_args()
    if a.quick: a.pairs, a.containers, a.idle = 8, 10, 5
    work = tempfile.mkdtemp(prefix="cloister-bench.", dir="/var/tmp")
    os.chmod(work, 0o711)  # the engines go through it with the container's ids
    state = work + "/state"
    base = [CLOISTER, "--root", state]
    undo = [lambda: shutil.rmtree(work, ignore_errors=True)]
    try:
        bench(a, work, base, undo)
    finally:
        for f in reversed(undo):
            try: f()
            except Exception as e: note("cleaning up: %s" % e)

def mount_hugetlb(undo):
    """crun 1.8 refuses a hybrid host on which v2 has a controller that its v1 list lacks."""
    d = "/sys/fs/cgroup/hugetlb"
    controllers = "/sys/fs/cgroup/unified/cgroup.controllers"
    if not os.path.exists(controllers) or "hugetlb" not in open(controllers).read() or os.path.exists(d): return
    os.mkdir(d)
    undo.append(lambda: os.rmdir(d))
    if subprocess.run(["mount", "-t", "cgroup", "-o", "hugetlb", "none", d]).returncode == 0:
        undo.append(lambda: subprocess.run(["umount", d], check=True))

def start_lxcfs(work, undo):
    if not shutil.which("lxcfs"): return None
    d = work + "/lxcfs"
    os.mkdir(d)
    p = subprocess.Popen(["lxcfs", "-f", "-p", work + "/lxcfs.pid", d], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    def stop():
        p.terminate()
        try: p.wait(5)
        except subprocess.TimeoutExpired: p.kill(); p.wait()
        subprocess.run(["umount", "-l", d], stderr=subprocess.DEVNULL)
    undo.append(stop)
    for _ in range(100):
        if os.path.exists(d + "/proc/uptime"): return d
        time.sleep(0.05)
    return None

def bench(a, work, base, undo):
    root = work + "/root"
    make_root(root)
    mount_hugetlb(undo)
    table = Table()
    serial = iter(range(10 ** 9))
    def oci(program, bundle):
        return lambda: must([program, "--root", work + "/" + program, "run", "-b", bundle, "bench-%d" % next(serial)])
    def ours(args): return lambda: must(base + ["launch", "--rootfs", root, "--"] + args)

    ### Start to end
    for label, args in (("`launch -- true`", ["/bin/true"]),
                        ("... that reads uptime and meminfo", ["/bin/sh", "-c", "cat /proc/uptime /proc/meminfo >/dev/null"])):
        note(label)
        bundle = make_bundle(work, "t%d" % next(serial), root, args)
        things = {"cloister": ours(args), "floor": lambda: must(["unshare", "-Urmpf", "--mount-proc", "true"])}
        for program in "crun", "runc":
            if not shutil.which(program): continue
            things[program] = oci(program, bundle)
            took, status = run([program, "--root", work + "/" + program, "run", "-b", bundle, "try-%d" % next(serial)])
            if status: note("%s does not run here" % program); del things[program]
        alternate(things, 3)
        got = alternate(things, max(a.pairs, 30) if not a.quick else a.pairs)
        for program in "crun", "runc":
            if program in got:
                table.add(label + " / " + program, ms(got["cloister"]), ms(got[program]), ratio(got["cloister"], got[program]),
                          "≤ 1, aim 0.6" if program == "crun" else "")
        table.add(label + " / bare unshare", ms(got["cloister"]), ms(got["floor"]), ratio(got["cloister"], got["floor"]), "")

    ### Latency of the views
    lxcfs = start_lxcfs(work, undo)
    engine = next((e for e in ("crun", "runc") if e in things), None)
    def number(argv):
        r, w = os.pipe()
        _, status = run(argv, w)
        os.close(w)
        text = os.read(r, 100)
        os.close(r)
        if status: sys.exit("bench: failed: " + " ".join(argv))
        return int(text) / 1000
    for f in FILES:
        note("open+read+close of " + f)
        count = "200" if a.quick else "500"
        things2 = {"cloister": lambda: number(base + ["launch", "--rootfs", root, "--", "/bin/readlat", f, count]),
                   "kernel": lambda: number([root + "/bin/readlat", f, count])}
        if lxcfs and engine:
            bundle = make_bundle(work, "l" + os.path.basename(f), root, ["/bin/readlat", f, count],
                                 [{"destination": f, "source": lxcfs + f, "type": "bind", "options": ["bind"]}])
            things2["lxcfs"] = lambda: number([engine, "--root", work + "/" + engine, "run", "-b", bundle, "lat-%d" % next(serial)])
        got = alternate(things2, a.pairs)
        us = lambda v: "%.1f µs" % statistics.median(v)
        if "lxcfs" in got:
            table.add("open+read+close `%s` / lxcfs" % f, us(got["cloister"]), us(got["lxcfs"]), ratio(got["cloister"], got["lxcfs"]),
                      "≤ 0.4" if f == "/proc/uptime" else "≤ 0.35")
        table.add("open+read+close `%s` / the kernel's own" % f, us(got["cloister"]), us(got["kernel"]), ratio(got["cloister"], got["kernel"]), "")

    ### Memory, many at once
    names = ["bench-%d-%d" % (os.getpid(), i) for i in range(a.containers)]
    def start(name): return must(base + ["launch", "--detach", "--name", name, "--rootfs", root, "--", "/bin/sleep", "100000"])
    def stop(name): return must(base + ["delete", "--force", name])
    started = []
    undo.append(lambda: [stop(n) for n in list(started)])
    note("%d idle containers" % a.containers)
    start(names[0]); started.append(names[0])
    time.sleep(1)
    one = memory(helpers())
    table.add("Pss of helpers, 1 container", "%.2f MiB" % (one["Pss"] / 1024), "", "", "≤ 3 MiB")
    table.add("Pss_Dirty of helpers, 1 container", "%.2f MiB" % (one["Pss_Dirty"] / 1024), "", "", "≤ 3 MiB")
    stop(names[0]); started.clear()
    before = available()
    t = 0.0
    for n in names: t += start(n); started.append(n)
    time.sleep(1)
    after = available()
    n = len(names)
    pids = helpers()
    many = memory(pids)
    table.add("Pss of helpers, each of %d" % n, "%.2f MiB" % (many["Pss"] / 1024 / n), "", "", "≤ 3 MiB")
    table.add("Pss_Dirty of helpers, each of %d" % n, "%.2f MiB" % (many["Pss_Dirty"] / 1024 / n), "", "", "≤ 3 MiB")
    table.add("fall of MemAvailable / %d (with the container's own process)" % n, "%.2f MiB" % ((before - after) / 1024 / n), "", "", "≤ 3 MiB")
    table.add("start %d, one after another" % n, "%.1f s" % t, "", "", "")
    table.add("`list` of %d" % n, ms([must(base + ["list"]) for _ in range(5)]), "", "", "")
    note("%d seconds of idleness" % a.idle)
    first = switches(pids)
    time.sleep(a.idle)
    table.add("context switches of %d helpers in %d idle s" % (len(pids), a.idle), str(switches(pids) - first), "", "", "0")
    t = 0.0
    for name in names: t += stop(name); started.remove(name)
    table.add("stop %d, one after another" % n, "%.1f s" % t, "", "", "")

    def version(p):
        r = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}", p], capture_output=True, text=True)
        return r.stdout if r.returncode == 0 else p + " of unknown version"
    cpu = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())
    print("Kernel %s, %s, %d CPUs, %d MiB; %s, %s, %s. Medians of %d alternating rounds.\n" % (
        platform.release(), cpu.group(1) if cpu else platform.machine(), os.cpu_count(),
        os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20, version("crun"), version("runc"), version("lxcfs"), a.pairs))
    table.show()

main()
