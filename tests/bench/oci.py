# SPDX-License-Identifier: Apache-2.0
"""An engine's commands one by one: create, start, delete, and state and kill of a running container.

The bundle asks for a user namespace. crun and runc get a root file system that belongs to its ids,
Cloister the plain one. Every runtime's state is on a tmpfs, as /run is.
"""
import os, select, subprocess, sys
from common import *

BASE = 700000000  # nobody's on any machine that we know of
STEPS = ["create", "start", "delete"]

def places(work, root, undo):
    """The root file systems, and where the states are kept."""
    owned, states = work + "/owned", work + "/states"
    subprocess.run(["cp", "-a", root, owned], check=True)
    subprocess.run(["chown", "-hR", "%d:%d" % (BASE, BASE), owned], check=True)
    os.mkdir(states)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0711", "cloister-bench", states], check=True)
    undo.append(lambda: subprocess.run(["umount", states], check=True))
    return {"cloister": root, "crun": owned, "runc": owned}, states

def wait_end(pid):
    """As an engine's shim does, and not in the measured time: delete comes after the end."""
    try: fd = os.pidfd_open(pid)
    except ProcessLookupError: return
    ready = select.select([fd], [], [], 10)[0]
    os.close(fd)
    if not ready: sys.exit("bench: process %d does not end" % pid)

def cycle(command, bundle, pid_file):
    """Seconds of each step of one container's life."""
    name = "bench-%d" % next(serial)
    created = must(command + ["create", "--pid-file", pid_file, "-b", bundle, name])
    pid = int(open(pid_file).read())
    started = must(command + ["start", name])
    wait_end(pid)
    return created, started, must(command + ["delete", "--force", name])

def lives(a, table, commands, bundles, work):
    """create + start + delete, together and one by one."""
    note("create, start, delete")
    things = {p: lambda p=p: cycle(commands[p], bundles[p], work + "/pid") for p in commands}
    alternate(things, 3)
    got = alternate(things, a.runs)
    goals = {"crun": "≤ 1", "runc": "≤ 0.5"}
    for peer in commands:
        if peer == "cloister": continue
        all_of = {p: [sum(t) for t in got[p]] for p in got}
        table.add("`create` + `start` + `delete` / " + peer, ms(all_of["cloister"]), ms(all_of[peer]),
                  ratio(all_of["cloister"], all_of[peer]), goals[peer])
        for i, step in enumerate(STEPS):
            one = {p: [t[i] for t in got[p]] for p in got}
            table.add("... its `%s` / %s" % (step, peer), ms(one["cloister"]), ms(one[peer]), ratio(one["cloister"], one[peer]), "")

def questions(a, table, commands, bundles, undo):
    """state and kill of a container that runs."""
    name = "bench-asked"
    running = []
    def end():
        for p in list(running): must(commands[p] + ["delete", "--force", name]); running.remove(p)
    undo.append(end)
    for p in commands:
        must(commands[p] + ["create", "-b", bundles[p], name])
        running.append(p)
        must(commands[p] + ["start", name])
    for label, args in (("state", ["state", name]), ("kill", ["kill", name, "CONT"])):
        note(label)
        things = {p: lambda p=p: must(commands[p] + args) for p in commands}
        alternate(things, 3)
        got = alternate(things, a.runs)
        for peer in commands:
            if peer == "cloister": continue
            table.add("`%s` / %s" % (" ".join(args[:1] + args[2:]), peer), ms(got["cloister"]), ms(got[peer]),
                      ratio(got["cloister"], got[peer]), "≤ 1" if peer == "crun" else "")
    end()

def measure(a, table, work, root, engines, undo):
    roots, states = places(work, root, undo)
    programs = {"cloister": CLOISTER, **{e: e for e in engines}}
    commands = {p: [path, "--root", states + "/" + p] for p, path in programs.items()}
    def bundles(kind, args): return {p: make_bundle(work, "%s-%s" % (kind, p), roots[p], args, base=BASE) for p in programs}
    lives(a, table, commands, bundles("life", ["/bin/true"]), work)
    questions(a, table, commands, bundles("asked", ["/bin/sleep", "100000"]), undo)
