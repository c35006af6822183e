# SPDX-License-Identifier: Apache-2.0
"""Cloister as a launcher: from start to end, what idle containers cost."""
import os, shutil, statistics, subprocess, tempfile, time
from common import *

def start_to_end(a, table, work, root, engines, undo):
    """Every runtime's state is where it is by default, in /run; and on a tmpfs, where that is none."""
    states = tempfile.mkdtemp(prefix="cloister-bench.", dir="/run")
    undo.append(lambda: shutil.rmtree(states))
    compare(a, table, work, states, root, engines, "")
    kind = subprocess.check_output(["stat", "-f", "-c", "%T", "/run"], text=True).strip()
    if kind == "tmpfs": return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0711", "cloister-bench", states], check=True)
    undo.append(lambda: subprocess.run(["umount", states], check=True))
    compare(a, table, work, states, root, engines, ", /run a tmpfs (here: %s)" % kind)

def compare(a, table, work, states, root, engines, where):
    def oci(program, bundle):
        return lambda: must([program, "--root", states + "/" + program, "run", "-b", bundle, "bench-%d" % next(serial)])
    def ours(args): return lambda: must([CLOISTER, "--root", states + "/cloister", "launch", "--rootfs", root, "--"] + args)
    for label, args in (("`launch -- true`" + where, ["/bin/true"]),
                        ("... that reads uptime and meminfo", ["/bin/sh", "-c", "cat /proc/uptime /proc/meminfo >/dev/null"])):
        note(label)
        bundle = make_bundle(work, "t%d" % next(serial), root, args)
        things = {"cloister": ours(args), "floor": lambda: must(["unshare", "-Urmpf", "--mount-proc", "true"])}
        for program in engines: things[program] = oci(program, bundle)
        alternate(things, 3)
        got = alternate(things, max(a.pairs, 30) if not a.quick else a.pairs)
        for program in engines:
            table.add(label + " / " + program, ms(got["cloister"]), ms(got[program]), ratio(got["cloister"], got[program]),
                      "≤ 1, aim 0.6" if program == "crun" else "")
        table.add(label + " / bare unshare", ms(got["cloister"]), ms(got["floor"]), ratio(got["cloister"], got["floor"]), "")

def idle(a, table, base, root, undo):
    names = ["bench-%d-%d" % (os.getpid(), i) for i in range(a.containers)]
    def start(name): return must(base + ["launch", "--detach", "--name", name, "--rootfs", root, "--", "/bin/sleep", "100000"])
    def stop(name): return must(base + ["delete", "--force", name])
    started = []
    undo.append(lambda: [stop(n) for n in list(started)])
    note("%d idle containers" % a.containers)
    start(names[0]); started.append(names[0])
    time.sleep(1)
    one = memory(helpers(base))
    table.add("Pss of helpers, 1 container", "%.2f MiB" % (one["Pss"] / 1024), "", "", "≤ 3 MiB")
    table.add("Pss_Dirty of helpers, 1 container", "%.2f MiB" % (one["Pss_Dirty"] / 1024), "", "", "≤ 3 MiB")
    stop(names[0]); started.clear()
    before = available()
    t = 0.0
    for n in names: t += start(n); started.append(n)
    time.sleep(1)
    after = available()
    n = len(names)
    pids = helpers(base)
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

def measure(a, table, work, base, root, engines, undo):
    start_to_end(a, table, work, root, engines, undo)
    idle(a, table, base, root, undo)
