#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of cloister's commands at random moments; `delete --force` must leave nothing.

	kill9.py CLOISTER STATE BUNDLE OVERLAY_BUNDLE PREFIX COUNT SECONDS

The moment is uniform over the command's own measured duration and a little more. After each kill the
container is deleted by force, and then no state, claim, cgroup, mount or process of it may be left. Of
COUNT kills as many are done as fit into SECONDS. One line "ok KIND kills=N …" per kind, "bad …" for each
failure; exit status 1 if there was one.
"""
import glob
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time

cloister, state, plain, overlay, prefix, count, seconds = sys.argv[1:]
count, deadline = int(count), time.monotonic() + float(seconds)
seed = int(os.environ.get("KILL9_SEED") or random.randrange(1 << 32))
rand = random.Random(seed)
failures = 0
serial = 0
top = os.getpid()


def command(*args):
    return [cloister, "--root", state, *args]


def spawn(*args):
    return subprocess.Popen(command(*args), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def run(*args):
    """Exit status and all output; None if it hangs."""
    with open(state + ".said", "w+") as said:
        p = subprocess.Popen(command(*args), stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            status = p.wait(20)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            return None, "hangs"
        said.seek(0)
        return status, said.read()


def bad(what):
    global failures
    failures += 1
    print("bad", what.replace("\n", " "), flush=True)


def mounts():
    # Numbers of mounts and devices differ; what lies where does not.
    with open("/proc/self/mountinfo") as f:
        return sorted(" ".join(line.split()[3:5] + line.split(" - ")[1].split()[:2]) for line in f)


def family():
    """Living processes of the test's family that are neither the test nor what it always has."""
    parent, name = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as f:
                text = f.read()
        except OSError:
            continue
        rest = text[text.rindex(")") + 2:].split()
        if rest[0] not in "ZX":
            parent[int(entry)] = int(rest[1])
            name[int(entry)] = text[text.index("(") + 1:text.rindex(")")]
    root = parent[os.getppid()]
    found = []
    for pid in parent:
        q = pid
        while q in parent and q != root:
            q = parent[q]
        if q == root and pid != root and pid not in known:
            found.append(f"{pid} {name[pid]}")
    return found


def left(name):
    things = [p for p in glob.glob(state + "/*")] + glob.glob(state + "/.claims/[!.]*")
    for pattern in ("/sys/fs/cgroup/*%s*", "/sys/fs/cgroup/*/*%s*", "/sys/fs/cgroup/*/*/*%s*"):
        things += glob.glob(pattern % name)
    now = mounts()
    if now != mounts_before:
        things += [m for m in now if m not in mounts_before] or ["a mount is gone or doubled"]
    return things + family()


def check_clean(name, what):
    end = time.monotonic() + 3
    while (things := left(name)) and time.monotonic() < end:
        time.sleep(0.005)
    if things:
        bad(f"{what}: left: {', '.join(things[:6])}")


def delete(name, what):
    status, said = run("delete", "--force", name)
    if status != 0:
        bad(f"{what}: delete --force: status {status}: {said}")
    check_clean(name, what)


def killed(duration, *args):
    """Return: the moment of the kill in ms, and whether the command had ended by then."""
    moment = rand.uniform(0, duration * 1.15)
    p = spawn(*args)
    # More precise than sleep() at this scale.
    end = time.monotonic() + moment
    time.sleep(max(0, moment - 0.001))
    while time.monotonic() < end:
        pass
    early = p.poll() is None
    p.send_signal(signal.SIGKILL)
    p.wait()
    return f"{moment * 1000:.1f} ms", early


def fresh():
    global serial
    serial += 1
    return f"{prefix}-{serial}"


def bundle():
    return overlay if serial % 4 == 3 else plain


def prepare(name, start):
    status, said = run("create", "--bundle", bundle(), name)
    if status == 0 and start:
        status, said = run("start", name)
    if status != 0:
        bad(f"{name} cannot be prepared: {said}")
    return status == 0


def kill_create(duration, name):
    return killed(duration, "create", "--bundle", bundle(), name)


def kill_run(duration, name):
    how = ["--detach"] if serial % 2 else []
    return killed(duration, "run", *how, "--bundle", bundle(), name)


def state_of(name):
    """The exit status of `state` and what it says, or what is wrong with that."""
    status, said = run("state", name)
    try:
        return status, json.loads(said)["status"]
    except ValueError:
        return status, said


def kill_start(duration, name):
    if not prepare(name, False):
        return "never", False
    moment, early = killed(duration, "start", name)
    status, now = state_of(name)
    if status != 0 or now not in ("created", "running", "stopped"):
        bad(f"start killed at {moment}: state says {status} {now}")
    if now == "created":
        # Then it is as if nobody had tried, or PID 1 had the word and had not run since.
        status, said = run("start", name)
        if status != 0 and not ("not in the created state" in said and state_of(name)[1] in ("running", "stopped")):
            bad(f"start killed at {moment}: created, but cannot be started: {said}")
    return moment, early


def kill_delete(duration, name):
    if not prepare(name, serial % 3):
        return "never", False
    return killed(duration, "delete", "--force", name)


def timed(*args):
    before = time.monotonic()
    status, said = run(*args)
    if status != 0:
        bad(f"{args[0]} fails: {said}")
    return time.monotonic() - before


def measure():
    """The median of a few runs of each: on a busy machine the longest says nothing."""
    times = {"create": [], "start": [], "delete": [], "run": []}
    for i in range(7):
        name = fresh()
        times["create"].append(timed("create", "--bundle", bundle(), name))
        times["start"].append(timed("start", name))
        times["delete"].append(timed("delete", "--force", name))
        name = fresh()
        times["run"].append(timed("run", "-d", "--bundle", bundle(), name))
        delete(name, "measure")
    return {kind: statistics.median(t) for kind, t in times.items()}


kinds = {"create": (kill_create, 0.4), "run": (kill_run, 0.2), "start": (kill_start, 0.2), "delete": (kill_delete, 0.2)}
known = set()
mounts_before = mounts()
known = {int(line.split()[0]) for line in family()}
durations = measure()
plan = [kind for kind, (_, share) in kinds.items() for _ in range(int(count * share))]
rand.shuffle(plan)
done = {kind: 0 for kind in kinds}
inside = {kind: 0 for kind in kinds}
for kind in plan:
    if time.monotonic() > deadline or failures > 10:
        break
    name = fresh()
    moment, early = kinds[kind][0](durations[kind], name)
    delete(name, f"{kind} of {name} ({os.path.basename(bundle())}) killed at {moment}")
    done[kind] += 1
    inside[kind] += early
for kind in kinds:
    print(f"ok {kind} kills={done[kind]} before-its-end={inside[kind]} duration={durations[kind] * 1000:.0f}ms")
print(f"seed {seed} total {sum(done.values())}")
sys.exit(failures != 0)
