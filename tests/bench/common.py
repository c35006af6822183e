# SPDX-License-Identifier: Apache-2.0
"""What all measurements share: how a program is run and timed, ratios, bundles, the table."""
import glob, itertools, json, os, random, re, shutil, statistics, subprocess, sys, tempfile, time

top = os.environ["top_builddir"]
source = os.environ["top_srcdir"]
CLOISTER = top + "/src/cloister"
NULL = os.open("/dev/null", os.O_RDWR)
ERRORS = tempfile.TemporaryFile()  # not a pipe: a container that outlives its launcher keeps it
serial = itertools.count()

def note(text): print("bench: " + text, file=sys.stderr, flush=True)

def run(argv, out=None):
    """Seconds from spawn to end of argv, and its status. Without fork: the parent is large."""
    start = time.perf_counter()
    actions = [(os.POSIX_SPAWN_DUP2, NULL, 0), (os.POSIX_SPAWN_DUP2, NULL if out is None else out, 1),
               (os.POSIX_SPAWN_DUP2, ERRORS.fileno(), 2)]
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
    status = os.waitpid(pid, 0)[1]
    return time.perf_counter() - start, status

def must(argv):
    took, status = run(argv)
    if status: sys.exit("bench: status %d of: %s\n%s" % (os.waitstatus_to_exitcode(status), " ".join(argv), errors()))
    return took

def output(argv):
    """What argv prints, at most what a pipe holds."""
    r, w = os.pipe()
    _, status = run(argv, w)
    os.close(w)
    text = os.read(r, 65536).decode()
    os.close(r)
    if status: sys.exit("bench: failed: %s\n%s" % (" ".join(argv), errors()))
    return text

def errors():
    """The end of what programs have said on standard error."""
    ERRORS.seek(0)
    return ERRORS.read().decode(errors="replace")[-600:]

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

def helpers(base, *only, program="cloister"):
    """Pids of the helpers that `status` knows, of every container of this state root or of one; all of a
    container's, or the run ends: nothing measured would look like nothing used."""
    r = subprocess.run(base + ["status", "--json", *only], capture_output=True, text=True)
    if r.returncode: sys.exit("bench: status failed: " + r.stderr)
    found = json.loads(r.stdout)
    containers = found if isinstance(found, list) else [found]
    if not containers: sys.exit("bench: no container runs: no helpers to look at")
    pids = []
    for c in containers:
        own = [h["pid"] for h in c["helpers"] if h["alive"] and open("/proc/%d/comm" % h["pid"]).read().startswith(program)]
        if len(own) < (3 if program == "cloister" else 1): sys.exit("bench: container %s has %d helpers: %s" % (c["id"], len(own), c["helpers"]))
        pids += own
    return pids

def memory(pids):
    total = {"Pss": 0, "Pss_Dirty": 0}
    for p in pids:
        try: text = open("/proc/%d/smaps_rollup" % p).read()
        except ProcessLookupError: continue  # a zombie has no memory
        for line in text.splitlines():
            key, _, value = line.partition(":")
            if key in total: total[key] += int(value.split()[0])
    if not total["Pss"]: sys.exit("bench: no memory of the processes %s" % pids)
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
    for name in "mounts", "readlat", "syscalls": shutil.copy(top + "/tests/bench/" + name, d + "/bin/" + name)
    open(d + "/etc/passwd", "w").write("root:x:0:0:root:/root:/bin/sh\n")

def make_bundle(work, name, root, args, extra_mounts=(), base=1000000):
    """What `runc spec` gives, in a user namespace."""
    d = work + "/bundle-" + name
    os.mkdir(d)
    subprocess.run(["runc" if shutil.which("runc") else "crun", "spec"], cwd=d, check=True)
    spec = json.load(open(d + "/config.json"))
    spec["process"].update(terminal=False, args=args)
    spec["root"] = {"path": root, "readonly": False}
    spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "user"] + [{"type": "user"}]
    for m in "uidMappings", "gidMappings":
        spec["linux"][m] = [{"containerID": 0, "hostID": base, "size": 65536}]
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

def keep_null(undo):
    """runc and crun give their standard descriptors to the container's root, /dev/null too."""
    st = os.stat("/dev/null")
    undo.append(lambda: os.chown("/dev/null", st.st_uid, st.st_gid))

def mount_hugetlb(undo):
    """crun 1.8 refuses a hybrid host on which v2 has a controller that its v1 list lacks."""
    d = "/sys/fs/cgroup/hugetlb"
    controllers = "/sys/fs/cgroup/unified/cgroup.controllers"
    if not os.path.exists(controllers) or "hugetlb" not in open(controllers).read() or os.path.exists(d): return
    os.mkdir(d)
    undo.append(lambda: os.rmdir(d))
    if subprocess.run(["mount", "-t", "cgroup", "-o", "hugetlb", "none", d]).returncode == 0:
        undo.append(lambda: unmount_hugetlb(d))

def unmount_hugetlb(d):
    """The hierarchy itself goes only with an unmount that finds no cgroup in it, and those that were
    removed last take a moment; as long as it stays, engines look for a mount of it."""
    subprocess.run(["umount", d], check=True)
    for _ in range(20):
        if "hugetlb" not in open("/proc/self/cgroup").read(): return
        subprocess.run(["mount", "-t", "cgroup", "-o", "hugetlb", "none", d], check=True)
        time.sleep(0.2)
        subprocess.run(["umount", d], check=True)
        time.sleep(0.1)
