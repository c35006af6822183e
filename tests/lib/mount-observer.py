#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What do the mounts of a container reach? Asked after each round of something that changes them.

	mount-observer.py PID ROOT

PID is the container's first process (before anything changed), ROOT the directory of its root file system. For
each line on standard input one on standard output: "same", or what is wrong with the mount namespace of any
process of the container:

- a mount shows a directory of the host that none showed at the beginning;
- a procfs or sysfs, wherever it is mounted, shows a file that is covered on the container's own /proc or /sys;
- a cover is not the container's own;
- the host's own mounts, or sysctls, are not as they were.
"""
import os
import sys

PID, ROOT = int(sys.argv[1]), os.path.realpath(sys.argv[2])
COVERED = {
    "proc": ["meminfo", "stat", "uptime", "cpuinfo", "loadavg", "sys/kernel/panic", "sys/kernel/threads-max", "sys/vm/swappiness"],
    "sysfs": ["devices/system/cpu/online"],
}
SYSCTLS = ["kernel/panic", "kernel/threads-max", "vm/swappiness", "net/ipv4/ip_forward", "fs/file-max"]


def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin-1").decode(errors="surrogateescape")


def mounts(pid):
    """id, device, root, mount point, type of each mount that the process sees."""
    with open(f"/proc/{pid}/mountinfo", errors="surrogateescape") as f:
        for line in f:
            field = line.split(" ")
            yield int(field[0]), field[2], unescape(field[3]), unescape(field[4]), field[field.index("-") + 1]


def read(path):
    with open(path, errors="replace") as f:
        return f.read()


def sysctls():
    return {name: read("/proc/sys/" + name) for name in SYSCTLS}


def inside(path, root):
    return root == "/" or path == root or path.startswith(root.rstrip("/") + "/")


host_mounts = read("/proc/self/mountinfo")
host_devices = {dev for _, dev, _, _, _ in mounts("self")}
host_sysctls = sysctls()
# The deepest: in a hierarchy that is not mounted it is in the root, as everybody is.
own_cgroup = max(read(f"/proc/{PID}/cgroup").splitlines(), key=lambda line: len(line.split(":", 2)[2]))
# What each of the host's devices shows in the container to begin with.
shown = {}
for _, dev, root, _, _ in mounts(PID):
    if dev in host_devices:
        shown.setdefault(dev, set()).add(root)


def processes():
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and any(line.startswith(own_cgroup) for line in read(f"/proc/{name}/cgroup").splitlines()):
                yield int(name)
        except OSError:
            pass


def mount_id(fd):
    for line in read(f"/proc/self/fdinfo/{fd}").splitlines():
        if line.startswith("mnt_id:"):
            return int(line.split()[1])
    return None


def open_at(pid, path):
    """As the process's own root leads there, magic links left alone."""
    try:
        return os.open(f"/proc/{pid}/root{path}", os.O_PATH | os.O_NOFOLLOW)
    except OSError:
        return None


def uncovered(pid, mount):
    ident, dev, root, point, kind = mount
    top = open_at(pid, point)
    if top is None:
        return
    try:
        if mount_id(top) != ident:
            return  # something else lies on it
        for name in COVERED[kind]:
            if inside("/" + name, root):
                rest = ("/" + name)[len(root.rstrip("/")):].lstrip("/")
                fd = None
                try:
                    fd = os.open(rest, os.O_PATH | os.O_NOFOLLOW, dir_fd=top) if rest else os.dup(top)
                    st = os.fstat(fd)
                    if f"{os.major(st.st_dev)}:{os.minor(st.st_dev)}" == dev:
                        yield f"{pid}: {point} ({kind} {root}) shows its own {name}"
                except OSError:
                    pass  # subset=pid; or nobody's any more
                finally:
                    if fd is not None:
                        os.close(fd)
    finally:
        os.close(top)


def of_host(pid, mount):
    _, dev, root, point, _ = mount
    if dev in host_devices and not any(inside(root, known) for known in shown.get(dev, ())):
        yield f"{pid}: {point} shows {root} of the host's {dev}"


def look():
    seen = set()
    looked = 0
    for pid in processes():
        try:
            key = (os.stat(f"/proc/{pid}/ns/mnt").st_ino, os.stat(f"/proc/{pid}/root").st_ino)
            if key in seen:
                continue
            seen.add(key)
            looked += 1
            for mount in list(mounts(pid)):
                yield from of_host(pid, mount)
                if mount[4] in COVERED:
                    yield from uncovered(pid, mount)
        except OSError:
            continue
    if not looked:
        yield "there was nothing to look at"
    if read("/proc/self/mountinfo") != host_mounts:
        yield "the host's mounts changed"
    now = sysctls()
    for name in SYSCTLS:
        if now[name] != host_sysctls[name]:
            yield f"the host's {name} was {host_sysctls[name].strip()} and is {now[name].strip()}"


for _ in sys.stdin:
    wrong = list(look())
    print("; ".join(wrong[:5]) or "same", flush=True)
