# SPDX-License-Identifier: Apache-2.0
"""The emulated files: beside lxcfs and a bare server, one reader and several, and what the server holds."""
import os, shutil, statistics, subprocess, time
from common import *

# What lxcfs has, and whether ours is derived from nothing but a constant of the cgroup.
FILES = ["/proc/uptime", "/proc/meminfo", "/proc/stat", "/proc/cpuinfo", "/proc/loadavg", "/proc/swaps", "/proc/diskstats", "/proc/slabinfo",
         "/sys/devices/system/cpu/online"]
PLAIN = {"/proc/sys/kernel/panic"}  # files that need no cgroup

def mounted(path, file):
    for _ in range(100):
        if os.path.exists(path + file): return path
        time.sleep(0.05)
    return None

def start(argv, path, file, undo):
    """A FUSE server in the foreground; its mount point once it answers, or None."""
    if not shutil.which(argv[0]): return None
    os.mkdir(path)
    p = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    def stop():
        p.terminate()
        try: p.wait(5)
        except subprocess.TimeoutExpired: p.kill(); p.wait()
        subprocess.run(["umount", "-l", path], stderr=subprocess.DEVNULL)
    undo.append(stop)
    return mounted(path, file)

def start_lxcfs(work, undo):
    return start(["lxcfs", "-f", "-p", work + "/lxcfs.pid", work + "/lxcfs"], work + "/lxcfs", "/proc/uptime", undo)

NAMESPACED = "/proc/sys/net/ipv4/ip_forward"

def sysctls(a, table, base, root):
    """What the kernel answers itself, and all of them."""
    note("sysctls")
    program = root + "/bin/"
    got = alternate({"cloister": reader(base + ["launch", "--rootfs", root, "--", "/bin/readlat", NAMESPACED, "2000"]),
                     "plain": reader(["unshare", "-Urnpf", "--mount-proc", program + "readlat", NAMESPACED, "2000"])}, a.pairs)
    table.add("open+read+close `%s` / a plain user namespace" % NAMESPACED, us(got["cloister"]), us(got["plain"]),
              ratio(got["cloister"], got["plain"]), "≤ 1.1")
    every = ["--time", "/bin/sh", "-c", "sysctl -a >/dev/null 2>&1; true"]
    seconds = lambda argv: lambda: int(output(argv)) / 1e9
    got = alternate({"cloister": seconds(base + ["launch", "--rootfs", root, "--", "/bin/syscalls"] + every),
                     "host": seconds([program + "syscalls"] + every)}, a.pairs)
    table.add("`sysctl -a` / the host's", ms(got["cloister"]), ms(got["host"]), ratio(got["cloister"], got["host"]), "≤ 3")

def us(v): return "%.1f µs" % statistics.median(v)

def reader(argv): return lambda: int(output(argv)) / 1000

def measure(a, table, work, base, root, engines, undo):
    lxcfs = start_lxcfs(work, undo)
    bare = start([top + "/tests/bench/bare", work + "/bare"], work + "/bare", "/text", undo)
    engine = next(iter(engines), None)
    count = "200" if a.quick else "500"

    def things(f, extra=()):
        args = ["/bin/readlat", f, count, *extra]
        t = {"cloister": reader(base + ["launch", "--memory", "256M", "--rootfs", root, "--"] + args)}
        if bare: t["bare"] = reader([root + "/bin/readlat", bare + "/text", count, *extra])
        if lxcfs and engine and f not in PLAIN:
            bundle = make_bundle(work, "v%d" % next(serial), root, args,
                                 [{"destination": f, "source": lxcfs + f, "type": "bind", "options": ["bind"]}])
            t["lxcfs"] = reader([engine, "--root", work + "/" + engine, "run", "-b", bundle, "lat-%d" % next(serial)])
        return t

    for f in FILES + sorted(PLAIN):
        for what, extra in ("open+read+close", ()), ("... read to the end", ("end",)):
            note("%s of %s" % (what, f))
            got = alternate(things(f, extra), a.pairs)
            if "lxcfs" in got:
                table.add("%s `%s` / lxcfs" % (what, f), us(got["cloister"]), us(got["lxcfs"]), ratio(got["cloister"], got["lxcfs"]),
                          "" if extra else "≤ 0.35")
            if bare:
                table.add("%s `%s` / bare server" % (what, f), us(got["cloister"]), us(got["bare"]), ratio(got["cloister"], got["bare"]),
                          "≤ 1.5" if f in PLAIN else "")
    for f in "/proc/uptime", "/proc/meminfo":
        note("several readers of " + f)
        one = alternate(things(f, ["1"]), a.pairs)
        for n in "2", "8":
            got = alternate(things(f, [n]), a.pairs)
            table.add("%s readers of `%s`, time for one open of all / 1 reader" % (n, f), us(got["cloister"]), us(one["cloister"]),
                      ratio(got["cloister"], one["cloister"]), "≤ 1")
            if "lxcfs" in got:
                table.add("%s readers of `%s` / lxcfs" % (n, f), us(got["cloister"]), us(got["lxcfs"]), ratio(got["cloister"], got["lxcfs"]), "≤ 0.35")
    sysctls(a, table, base, root)
    note("memory of the server")
    name = "bench-%d" % os.getpid()
    must(base + ["launch", "--detach", "--name", name, "--rootfs", root, "--", "/bin/sleep", "1000"])
    try:
        every = [f for f in json.loads(output(base + ["status", "--json", name]))["emulated"]]
        must(base + ["exec", name, "/bin/sh", "-c", "for f; do cat $f; done >/dev/null 2>&1; true", "sh"] + every)
        server = helpers(base, name, program="cloister-fs")
        table.add("Pss of the server, all %d views read once" % len(every), "%.2f MiB" % (memory(server)["Pss"] / 1024), "", "", "≤ 2 MiB")
    finally:
        must(base + ["delete", "--force", name])
