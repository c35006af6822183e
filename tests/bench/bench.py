#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table: Cloister against Debian's crun, runc, lxcfs and Docker, side by side in one run.

Ratios are medians over alternating pairs, with a 95 % bootstrap interval. Runs as root below
tests/lib/under, in a mount namespace of its own. `--quick` takes fewer of everything,
`--only oci,calls` some of the parts:

    launch   Cloister's own command line: start to end, idle containers
    views    the emulated files, beside lxcfs and a bare FUSE server
    oci      create, start, delete, state, kill
    calls    system calls that are not intercepted, and a build made of them
    docker   `docker run`, and many containers at once
    inside   the calls that the warden has a part in, and Docker in a container
    proxy    cloister-sockproxy beside the engine's socket and HAProxy
    shiftfs  shiftfs beside bindfs and fuse-overlayfs (needs neither crun nor runc)
"""
import argparse, os, platform, re, shutil, signal, subprocess, sys, tempfile

sys.dont_write_bytecode = True  # the source tree may be somebody else's
from common import *
import calls, docker, inside, launch, oci, proxy, shiftfs, views

PARTS = ["launch", "views", "oci", "calls", "docker", "inside", "proxy", "shiftfs"]

def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--only", default=",".join(PARTS))
    ap.add_argument("--pairs", type=int, default=40)
    ap.add_argument("--runs", type=int, default=100, help="of create, start, delete")
    ap.add_argument("--builds", type=int, default=30, help="pairs of make -j2")
    ap.add_argument("--containers", type=int, default=100)
    ap.add_argument("--parallel", type=int, default=50, help="containers that docker starts at once")
    ap.add_argument("--bursts", type=int, default=5, help="how often it does so")
    ap.add_argument("--shiftfs", default="", help="options for shiftfs")
    ap.add_argument("--shiftfs-rounds", type=int, default=7)
    ap.add_argument("--idle", type=int, default=60)
    a = ap.parse_args()
    if a.quick: a.pairs, a.runs, a.builds, a.containers, a.parallel, a.idle, a.shiftfs_rounds = 8, 10, 3, 10, 8, 5, 2
    a.only = a.only.split(",")
    if not set(a.only) <= set(PARTS): ap.error("--only: the parts are " + ", ".join(PARTS))
    work = tempfile.mkdtemp(prefix="cloister-bench.", dir="/var/tmp")
    os.chmod(work, 0o711)  # the engines go through it with the container's ids
    undo = [lambda: shutil.rmtree(work, ignore_errors=True)]
    for sig in signal.SIGTERM, signal.SIGHUP: signal.signal(sig, lambda n, _: sys.exit(128 + n))
    try:
        bench(a, work, undo)
    finally:
        for f in reversed(undo):
            try: f()
            except Exception as e: note("cleaning up: %s" % e)

def find_engines(work, root):
    """Those of crun and runc that run a container here."""
    bundle = make_bundle(work, "try", root, ["/bin/true"])
    found = []
    for program in "crun", "runc":
        if shutil.which(program) and not run([program, "--root", work + "/" + program, "run", "-b", bundle, "try-%d" % next(serial)])[1]:
            found.append(program)
        else: note("%s does not run here: %s" % (program, errors()))
    return found

def bench(a, work, undo):
    base = [CLOISTER, "--root", work + "/state"]
    root = work + "/root"
    make_root(root)
    keep_null(undo)
    mount_hugetlb(undo)
    table = Table()
    engines = find_engines(work, root) if not set(a.only) <= {"proxy", "shiftfs"} else []
    if "launch" in a.only: launch.measure(a, table, work, base, root, engines, undo)
    if "views" in a.only: views.measure(a, table, work, base, root, engines, undo)
    if "oci" in a.only: oci.measure(a, table, work, root, engines, undo)
    if "calls" in a.only: calls.measure(a, table, work, root, engines, undo)
    if "docker" in a.only: docker.measure(a, table, work, root, engines, undo)
    if "inside" in a.only: inside.measure(a, table, work, root, engines, undo)
    if "proxy" in a.only: proxy.measure(a, table, work, root, engines, undo)
    if "shiftfs" in a.only: shiftfs.measure(a, table, work, undo)

    def version(p):
        r = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}", p], capture_output=True, text=True)
        return r.stdout if r.returncode == 0 else p + " of unknown version"
    cpu = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())
    print("Kernel %s, %s, %d CPUs, %d MiB; %s, %s, %s, %s. Medians of %d alternating rounds.\n" % (
        platform.release(), cpu.group(1) if cpu else platform.machine(), os.cpu_count(),
        os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20, version("crun"), version("runc"), version("lxcfs"), version("docker.io"), a.pairs))
    table.show()

main()
