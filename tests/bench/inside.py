# SPDX-License-Identifier: Apache-2.0
"""A machine inside: the calls that the warden has a part in, and Docker in a container.

The calls beside the same in a plain user namespace; Docker in a container of Cloister's beside Docker
in one of runc's that has every capability of this machine. Both run the same Debian with its own
dockerd and the data on a tmpfs, by the same bundle.
"""
import json, os, re, shutil, subprocess, sys, time
from common import *

PLAIN = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--ipc", "--uts"]

def calls(a, table, work, root):
    note("calls that the warden has a part in")
    launch = [CLOISTER, "--root", work + "/state", "launch", "--privileged", "--rootfs", root, "--"]
    for what, count, goal in ("tmpfs", 400, "≤ 1.6"), ("proc", 100, "≤ 1500 µs"), ("sysinfo", 4000, "≤ 12 µs"):
        program = [root + "/bin/mounts", what, str(count // 4 if a.quick else count)]
        things = {"cloister": lambda: float(output(launch + ["/bin/mounts"] + program[1:])),
                  "plain": lambda: float(output(PLAIN + program))}
        alternate(things, 1)
        got = alternate(things, max(4, a.pairs // 4))
        us = lambda v: "%.1f µs" % statistics.median(v)
        name = {"tmpfs": "`mount -t tmpfs` + `umount`", "proc": "`mount -t proc`", "sysinfo": "`sysinfo`"}[what]
        table.add("%s inside / a plain user namespace" % name, us(got["cloister"]), us(got["plain"]),
                  ratio(got["cloister"], got["plain"]), goal)

### Docker in a container

def capabilities():
    """All that this machine can grant."""
    names = {n: "CAP_" + name for name, n in
             re.findall(r"#define CAP_(\w+)\s+(\d+)\n", open("/usr/include/linux/capability.h").read())}
    mask = int(re.search(r"CapEff:\s+(\w+)", open("/proc/self/status").read()).group(1), 16)
    return [name for n, name in names.items() if mask >> int(n) & 1]

def machine(undo, work, tree, name):
    """An overlay on the tree, as an engine would make one."""
    d = work + "/machine-" + name
    for sub in "upper", "work", "root", "data": os.makedirs(d + "/" + sub)
    options = "lowerdir=%s,upperdir=%s/upper,workdir=%s/work" % (tree, d, d)
    subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", d + "/root"], check=True)
    undo.append(lambda: subprocess.run(["umount", d + "/root"], check=True))
    # ext4 looks long for inodes that were not freed just now: whoever builds after somebody's tidying up loses.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0711", "cloister-bench", d + "/data"], check=True)
    undo.append(lambda: subprocess.run(["umount", d + "/data"], check=True))
    shutil.copy(top + "/tests/bench/syscalls", d + "/root/syscalls")
    return d

def bundle(work, d, name):
    subprocess.run(["runc", "spec", "--bundle", d], check=True)
    spec = json.load(open(d + "/config.json"))
    caps = capabilities()
    spec["process"].update(terminal=False, args=["/bin/sh", "-c", "mkdir -p -m 1777 /tmp /var/tmp; exec dockerd >/log 2>&1"],
                           capabilities={k: caps for k in ("bounding", "effective", "permitted")})
    spec["process"].pop("rlimits", None)
    spec["process"]["noNewPrivileges"] = False
    spec["root"] = {"path": d + "/root", "readonly": False}
    for m in spec["mounts"]: m["options"] = [o for o in m.get("options", []) if o != "ro"]
    spec["mounts"] += [{"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
                       {"destination": "/var/lib/docker", "type": "bind", "source": d + "/data", "options": ["rbind", "rw"]}]
    spec["linux"].update(maskedPaths=[], readonlyPaths=[], cgroupsPath="/" + os.path.basename(work) + "-" + name)
    spec["linux"]["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}
    spec["linux"]["namespaces"] = [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount", "cgroup")]
    json.dump(spec, open(d + "/config.json", "w"))

class Machine:
    """A container with a dockerd in it."""
    def __init__(self, command, d, name, undo):
        self.command, self.name, self.dir = command, "bench-in-" + name, d
        must(command + ["create", "-b", d, self.name])
        undo.append(lambda: must(command + ["delete", "--force", self.name]))
        must(command + ["start", self.name])
        for _ in range(600):
            if run(self.exec("docker", "version"))[1] == 0: return
            time.sleep(0.1)
        sys.exit("bench: no Docker in %s: %s" % (name, open(d + "/root/log").read()[-600:]))

    def exec(self, *argv): return self.command + ["exec", self.name] + list(argv)

    def timed(self, *argv):
        """Seconds that it takes inside, without the way there."""
        return int(output(self.exec("/syscalls", "--time", *argv))) / 1e9

def prepare(m, root):
    subprocess.run(["tar", "-C", root, "-cf", m.dir + "/root/image.tar", "."], check=True)
    os.makedirs(m.dir + "/root/context/files")
    for i in range(2000):
        with open("%s/root/context/files/%d" % (m.dir, i), "w") as f: f.write("file %d\n" % i * 40)
    open(m.dir + "/root/context/Dockerfile", "w").write("FROM busybox\nCOPY files /files\nRUN rm /files/7\n")

def docker(a, table, work, root, undo):
    tree = subprocess.run(["bash", "-c", '. "$0/tests/lib/machine.sh"; machine_tree inside', source],
                          capture_output=True, text=True)
    if tree.returncode: return note("no Debian with Docker: " + tree.stderr[-300:])
    tree = tree.stdout.strip().splitlines()[-1]
    commands = {"cloister": [CLOISTER, "--root", work + "/state"], "runc": ["runc", "--root", work + "/runc"]}
    machines = {}
    for name, command in commands.items():
        d = machine(undo, work, tree, name)
        bundle(work, d, name)
        os.chmod(d, 0o711)
        m = machines[name] = type("M", (), {"dir": d})
        prepare(m, root)
        machines[name] = Machine(command, d, name, undo)
        must(machines[name].exec("docker", "import", "-c", 'CMD ["sh"]', "/image.tar", "busybox"))
    for label, goal, rounds, argv in (
            ("`docker run --rm busybox true` in Docker in a container / runc, all capabilities", "≤ 1.3", a.pairs,
             ["docker", "run", "--rm", "busybox", "true"]),
            ("an image of 2000 small files, built there / runc", "≤ 1.15", max(3, a.pairs // 4),
             ["env", "DOCKER_BUILDKIT=0", "docker", "build", "--no-cache", "--network", "none", "-t", "files", "/context"])):
        note(label)
        things = {name: lambda m=m: m.timed(*argv) for name, m in machines.items()}
        alternate(things, 1)
        got = alternate(things, rounds)
        table.add(label, ms(got["cloister"]), ms(got["runc"]), ratio(got["cloister"], got["runc"]), goal)

def measure(a, table, work, root, engines, undo):
    calls(a, table, work, root)
    if "runc" not in engines: return note("no runc to compare Docker inside with")
    docker(a, table, work, root, undo)
