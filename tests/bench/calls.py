# SPDX-License-Identifier: Apache-2.0
"""What Cloister leaves alone costs nothing: system calls, and a compiler that makes many of them.

The same bundle under Cloister and under runc: what Docker sends, with its seccomp profile.
"""
import json, os, shutil, statistics, sys, time
from common import *

GOAL = "95 % interval reaches ≤ 1.02"

def docker_bundle(work, name, root, args, mounts=()):
    """A config.json as dockerd wrote it, less what only that dockerd had."""
    d = work + "/bundle-" + name
    os.mkdir(d)
    spec = json.load(open(source + "/tests/fuzz/corpus/spec/docker.json"))
    if not spec["linux"]["seccomp"]["syscalls"]: sys.exit("bench: docker.json has no seccomp profile")
    del spec["hooks"]
    spec["process"]["args"] = args
    spec["root"] = {"path": root}
    spec["mounts"] = [m for m in spec["mounts"] if m["type"] != "bind"] + list(mounts)
    spec["linux"]["cgroupsPath"] = "/" + os.path.basename(work) + "-" + name
    json.dump(spec, open(d + "/config.json", "w"))
    return d

### Are there notifications?

def notifiers(command, name):
    """How many processes take notified calls: none before the first one, which starts it."""
    status = json.loads(output(command + ["status", "--json", name]))
    return sum(h["name"] == "its notifier" and h["alive"] for h in status["helpers"])

def count_notified(command, bundle, undo):
    """Of a container that has just made all those calls; and it is seen where there was one."""
    name = "bench-count"
    must(command + ["create", "-b", bundle, name])
    end = lambda: must(command + ["delete", "--force", name])
    undo.append(end)
    must(command + ["start", name])
    pid = json.loads(output(command + ["state", name]))["pid"]
    for _ in range(200):
        if open("/proc/%d/comm" % pid).read() == "sleep\n": break
        time.sleep(0.05)
    else: sys.exit("bench: the calls do not come to an end")
    count = notifiers(command, name)
    must(command + ["exec", name, "/bin/busybox", "free"])  # sysinfo(2)
    if not notifiers(command, name): sys.exit("bench: a notification is not seen: the count would say nothing")
    undo.remove(end)
    end()
    return str(count)

### Measurements

def runs(command, bundle): return command + ["run", "-b", bundle, "bench-%d" % next(serial)]

def calls(a, table, commands, bundle):
    note("system calls")
    def numbers(p): return {k: float(v) for k, v in (l.split() for l in output(runs(commands[p], bundle)).splitlines())}
    things = {p: lambda p=p: numbers(p) for p in commands}
    alternate(things, 1)
    got = alternate(things, max(a.pairs, 30) if not a.quick else a.pairs)
    ns = lambda v: "%.0f ns" % statistics.median(v)
    for call in got["cloister"][0]:
        one = {p: [n[call] for n in got[p]] for p in got}
        table.add("system call `%s` / runc" % call, ns(one["cloister"]), ns(one["runc"]), ratio(one["cloister"], one["runc"]), GOAL)

def build_root(work):
    """A root file system whose compiler is the host's, and our own sources to compile."""
    d = work + "/build-root"
    for sub in "usr proc sys dev tmp etc src".split(): os.makedirs(d + "/" + sub)
    for name in "bin", "sbin", "lib", "lib32", "lib64", "libx32":
        if os.path.islink("/" + name): os.symlink("usr/" + name, d + "/" + name)
    shutil.copytree(source + "/src/lib", d + "/src/lib")
    shutil.copy(top + "/config.h", d + "/src/config.h")
    shutil.copy(top + "/tests/bench/syscalls", d + "/syscalls")
    open(d + "/src/Makefile", "w").write(
        "objects = $(patsubst %.c,%.o,$(wildcard lib/*.c))\n"
        "all: lib.a\nlib.a: $(objects)\n\tar rcs $@ $^\n"
        "%.o: %.c\n\tgcc -std=gnu11 -O2 -g -I. -DPKGLIBEXECDIR='\"/usr\"' -DSYSCONFDIR='\"/etc\"' -c -o $@ $<\n"
        "clean:\n\trm -f lib.a $(objects)\n")
    return d

def build(a, table, work, commands):
    note("make -j2")
    root = build_root(work)
    args = ["/syscalls", "--time", "/bin/sh", "-c", "cd /src && make clean && exec make -j2"]
    bundle = docker_bundle(work, "build", root, args,
                           [{"destination": "/usr", "source": "/usr", "type": "bind", "options": ["rbind", "ro"]}])
    things = {p: lambda p=p: int(output(runs(commands[p], bundle))) / 1e9 for p in commands}
    alternate(things, 1)
    if not os.path.exists(root + "/src/lib.a"): sys.exit("bench: make has made nothing")
    got = alternate(things, a.builds)
    table.add("`make -j2` of our src/lib / runc", "%.2f s" % statistics.median(got["cloister"]),
              "%.2f s" % statistics.median(got["runc"]), ratio(got["cloister"], got["runc"]), GOAL)

def measure(a, table, work, root, engines, undo):
    if "runc" not in engines: return note("no runc to compare system calls with")
    commands = {"cloister": [CLOISTER, "--root", work + "/state"], "runc": ["runc", "--root", work + "/runc"]}
    count = "100" if a.quick else "200"
    calls(a, table, commands, docker_bundle(work, "calls", root, ["/bin/syscalls", count]))
    bundle = docker_bundle(work, "count", root, ["/bin/sh", "-c", "syscalls 10; exec sleep 100000"])
    table.add("notifications while that container runs", count_notified(commands["cloister"], bundle, undo), "", "", "0")
    build(a, table, work, commands)
