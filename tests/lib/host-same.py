#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is the host as before? Asked hundreds of times, so one process answers.

	host-same.py STATE NAME [FILE|DIRECTORY]...

For each line on standard input one on standard output: "same", or what differs from how everything was
when this program began: state and claims below STATE, cgroups with NAME in their names, mounts, processes
of the test's family, some sysctls, names in / and /etc, devices, and everything in each FILE and
DIRECTORY. What is on its way out has three seconds.
"""
import glob
import os
import sys
import time

state, name, *watched = sys.argv[1:]
SYSCTLS = """kernel/hostname kernel/domainname kernel/core_pattern kernel/msgmax kernel/shmmax vm/overcommit_memory
user/max_user_namespaces fs/file-max net/ipv4/ip_forward net/ipv4/ip_unprivileged_port_start net/ipv4/ping_group_range
net/core/bpf_jit_enable""".split()


def read(path):
    try:
        with open(path, errors="replace") as f:
            return f.read()
    except OSError as e:
        return e.strerror


def stat(path):
    st = os.lstat(path)
    return f"{path} {st.st_ino} {st.st_mode:o} {st.st_uid}:{st.st_gid} {st.st_size} {st.st_rdev} {st.st_mtime_ns}"


def tree(top):
    found = [stat(top)]
    for where, dirs, files in os.walk(top):
        found += [stat(os.path.join(where, f)) for f in dirs + files]
    return found


def family():
    parent, names = {}, {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        text = read(f"/proc/{entry}/stat")
        if ")" not in text:
            continue
        rest = text[text.rindex(")") + 2:].split()
        if rest[0] not in "ZX":
            parent[int(entry)] = int(rest[1])
            names[int(entry)] = text[text.index("(") + 1:text.rindex(")")]
    top = parent[os.getppid()]
    for pid in parent:
        q = pid
        while q in parent and q != top:
            q = parent[q]
        if q == top and pid != top:
            yield f"process {pid} {names[pid]}"


def look():
    found = [f"{s} = {read('/proc/sys/' + s).strip()}" for s in SYSCTLS]
    found += glob.glob(state + "/*") + glob.glob(state + "/.claims/[!.]*")
    for depth in ("", "*/", "*/*/", "*/*/*/"):
        found += glob.glob(f"/sys/fs/cgroup/{depth}*{name}*")
    with open("/proc/self/mountinfo") as f:
        found += ["mount " + " ".join(line.split()[3:5] + line.split(" - ")[1].split()[:2]) for line in f]
    found += ["/" + n for n in os.listdir("/")] + ["/etc/" + n for n in os.listdir("/etc") if not n.startswith(("mtab", "."))]
    # Not /dev/null: other runtimes on this machine make it their container's own.
    found += [stat(d).rsplit(" ", 1)[0] for d in ("/dev/zero", "/dev/full", "/dev/tty", "/dev/fuse")]
    for w in watched:
        found += tree(w)
    return sorted(found) + sorted(family())


def difference():
    now = look()
    if now == before:
        return None
    gone, new = [x for x in before if x not in now], [x for x in now if x not in before]
    return "; ".join([f"+ {x}" for x in new[:5]] + [f"- {x}" for x in gone[:5]]) or "something is there twice"


before = look()
print("ready", flush=True)
for line in sys.stdin:
    end = time.monotonic() + 3
    while (answer := difference()) and time.monotonic() < end:
        time.sleep(0.01)
    print((answer or "same").replace("\n", " "), flush=True)
