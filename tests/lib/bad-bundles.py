#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of malformed and hostile specifications.

	bad-bundles.py CONFIG WORK DIRECTORY

Each entry changes what `cloister spec` wrote (CONFIG) and becomes DIRECTORY/NUMBER.json; standard output
gets one line for each: NUMBER, what is expected, a regular expression for the message, a description.
Expected is "refused" (by create; with a number: that is the exit status), "start" (create works, start refuses), "either" (what the host is safe
from by other means; if it is made, it can be deleted), or "warned" (works, with a warning).
"""
import copy
import json
import os
import sys

base = json.load(open(sys.argv[1]))
work, out = sys.argv[2:]
base["process"]["terminal"] = False
base["process"]["args"] = ["true"]
number = 0


def emit(expected, regex, desc, text):
    global number
    number += 1
    with open(f"{out}/{number}.json", "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    print(number, expected, regex, desc[:90].replace("\n", " "), sep="\t")


def case(expected, regex, change, desc=None):
    d = copy.deepcopy(base)
    exec(change, {"d": d, "work": work, "p": d["process"], "l": d["linux"], "m": d["mounts"]})
    emit(expected, regex, desc or change, json.dumps(d))


def table(expected, lines):
    for line in lines.strip().splitlines():
        regex, change = line.split(" :: ", 1)
        case(expected, regex, change)


def raw(expected, regex, desc, change):
    text = json.dumps(base).encode()
    changed = change(text)
    assert changed != text or not text, desc
    emit(expected, regex, desc, changed)


### Root file system
table("refused", r'''
no/such :: d["root"]["path"] = "/no/such/root"
a-file :: d["root"]["path"] = work + "/a-file"
a-fifo :: d["root"]["path"] = work + "/a-fifo"
loop-a :: d["root"]["path"] = work + "/loop-a"
dangling :: d["root"]["path"] = work + "/dangling"
root.path :: d["root"]["path"] = ""
root.path :: d["root"]["path"] = "x" * 5000
root.path|name too long :: d["root"]["path"] = "x" * 300
root :: d["root"] = []
root.path :: d["root"]["path"] = 7
/proc :: d["root"]["path"] = "/proc"
/sys :: d["root"]["path"] = "/sys"
../../no :: d["root"]["path"] = "../../no"
''')

### Namespaces
table("refused", r'''
given twice :: l["namespaces"].append({"type": "pid"})
unknown namespace :: l["namespaces"].append({"type": "moon"})
network :: l["namespaces"] = [n for n in l["namespaces"] if n["type"] != "network"]
mount :: l["namespaces"] = [n for n in l["namespaces"] if n["type"] != "mount"]
pid :: l["namespaces"] = [n for n in l["namespaces"] if n["type"] != "pid"]
\[ipc mount network pid uts\] :: l["namespaces"] = []; del d["hostname"]
linux.namespaces :: l["namespaces"] = {"type": "pid"}
''')
for kind, name in (("pid", "pid"), ("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("user", "user"), ("mount", "mnt")):
    other = {"net": "pid"}.get(name, "net")
    for path, regex in ((f"/proc/1/ns/{name}", "host|own|ermission"), (f"/proc/self/ns/{name}", "host|own|ermission"),
                        (f"/proc/self/ns/{other}", f"not a {kind} namespace|own"), (f"{work}/a-file", f"not a {kind} namespace|own"),
                        (f"{work}/a-fifo", f"not a {kind} namespace|own"), ("/dev/tty", kind + "|linux.namespaces"), ("/no/such/ns", "no/such|own"),
                        (work, f"not a {kind} namespace|own"), ("relative/ns", "linux.namespaces"), (f"{work}/loop-a", "loop-a|own"),
                        (f"/proc/self/root/proc/1/ns/{name}", "host|own|ermission")):
        case("refused", regex, f'l["namespaces"] = [n for n in l["namespaces"] if n["type"] != "{kind}"] + [{{"type": "{kind}", "path": "{path}"}}]',
             f"{kind} namespace by the path {path}")

### Id mappings
MAP = 'l["uidMappings"] = l["gidMappings"] = '
for regex, maps in (
        ("host ID 0", [(0, 0, 65536)]), ("host ID 0", [(0, 0, 4294967295)]),
        ("non-contiguous", [(0, 0, 1), (1, 700000, 65535)]), ("non-contiguous", [(0, 700000, 1000), (1000, 0, 65536)]),
        ("non-contiguous", [(0, 700000, 40000), (30000, 740000, 40000)]), ("non-contiguous", [(0, 700000, 65536), (65536, 700000, 65536)]),
        ("non-contiguous", [(0, 700000, 65536), (0, 765536, 65536)]), ("non-contiguous", [(0, 700000, 1000), (2000, 701000, 65536)]),
        ("at least 65536", [(0, 700000, 65535)]), ("at least 65536|starting", [(1, 700000, 65536)]),
        ("linux.uidMappings", [(0, 4294960000, 65536)]), ("linux.uidMappings", [(0, 700000, 4294967296)]),
        ("linux.uidMappings", [(0, 4294967296, 65536)]), ("linux.uidMappings", [(0, 700000, 4294967295)]),
        ("linux.uidMappings", [(0, -1, 65536)]), ("linux.uidMappings", [(0, 700000, -65536)]), ("linux.uidMappings", [(0, 700000, 0)]),
        ("linux.uidMappings|at least", [(0, 700000, 2147483648), (2147483648, 2148183648, 2147483648)]),
        ("non-contiguous", [(i * 200, 700000 + i * 201, 200) for i in range(400)]),
        ("linux.uidMappings", [(0, 1000, 65536)]), ("linux.uidMappings", [(0, 65534, 65536)])):
    text = [{"containerID": c, "hostID": h, "size": n} for c, h, n in maps]
    case("refused", regex, MAP + json.dumps(text), f"mappings {maps[:3]}")
# One range in 400 pieces, more than the kernel takes lines: it is written as one.
case("either", ".", MAP + json.dumps([{"containerID": i * 200, "hostID": 700000 + i * 200, "size": 200} for i in range(400)]), "400 mappings")
table("refused", r'''
non-matching :: l["uidMappings"]=[{"containerID":0,"hostID":700000,"size":65536}]; l["gidMappings"]=[{"containerID":0,"hostID":800000,"size":65536}]
missing :: l["uidMappings"]=[{"containerID":0,"hostID":700000,"size":65536}]
user :: l["namespaces"] = [n for n in l["namespaces"] if n["type"] != "user"]; l["uidMappings"] = l["gidMappings"] = [{"containerID":0,"hostID":700000,"size":65536}]
uidMappings :: l["uidMappings"] = l["gidMappings"] = [{"containerID":"0","hostID":700000,"size":65536}]
mappings|Mappings :: m.append({"destination":"/x","type":"bind","source":work,"options":["bind"],"uidMappings":[{"containerID":0,"hostID":0,"size":0}],"gidMappings":[{"containerID":0,"hostID":0,"size":1}]})
mappings|Mappings :: m.append({"destination":"/x","type":"bind","source":work,"options":["bind"],"uidMappings":[{"containerID":0,"hostID":1,"size":5},{"containerID":2,"hostID":4,"size":5}],"gidMappings":[{"containerID":0,"hostID":1,"size":5}]})
''')

### The process
table("refused", r'''
process.args :: p["args"] = []
process.args :: p["args"] = "true"
u0000 :: p["args"] = ["tr\0ue"]
process.args :: p["args"] = ["x" * (1 << 20)]
process.args|process.env :: p["env"] = ["A=" + "x" * (1 << 20)]
u0000 :: p["env"] = ["A\0B=1"]
process.cwd :: p["cwd"] = "tmp"
process.cwd :: p["cwd"] = ""
process.user.uid :: p["user"]["uid"] = -1
process.user.uid :: p["user"]["uid"] = 4294967295
process.user.uid :: p["user"]["uid"] = 1e30
process.user.uid :: p["user"]["uid"] = 0.5
too big integer :: p["user"]["uid"] = 18446744073709551616
process.user.additionalGids :: p["user"]["additionalGids"] = [4294967296]
process.user.umask :: p["user"]["umask"] = 4096
process.rlimits :: p["rlimits"] = [{"type": "RLIMIT_X", "soft": 1, "hard": 1}]
process.rlimits :: p["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 2, "hard": 1}]
process.rlimits :: p["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}] * 2
process.oomScoreAdj :: p["oomScoreAdj"] = 1001
hostname :: d["hostname"] = "h" * 65
u0000 :: d["hostname"] = "a\0b"
''')
# Of `run`: statuses of their own, as a shell has them.
table("refused127", r'''
nosuchcommand :: p["args"] = ["nosuchcommand"]
no/such :: p["args"] = ["/no/such/command"]
/etc/passwd/x :: p["args"] = ["/etc/passwd/x"]
''')
table("refused126", r'''
/etc :: p["args"] = ["/etc"]
/etc/passwd :: p["args"] = ["/etc/passwd"]
''')
table("start", r'''
bin/busybox :: p["cwd"] = "/bin/busybox"
become user|user :: p["user"]["uid"] = 100000
become group|group :: p["user"]["gid"] = 100000
group :: p["user"]["additionalGids"] = [4000000]
[sS]eccomp :: l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/no/such", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
''')
table("either", r'''
process.args|[Aa]rgument list :: p["args"] = ["true"] + ["y" * 100000] * 10
[Aa]rgument list|process :: p["args"] = ["true"] + ["y" * 100000] * 40
[Aa]rgument list|process :: p["env"] = ["V%d=%s" % (i, "z" * 1000) for i in range(1050)]
[Aa]rgument list|process :: p["args"] = ["true"] + [""] * 1000000
''')
table("warned", r'''
CAP_MOON :: p["capabilities"]["bounding"].append("CAP_MOON")
''')

### Mounts
table("refused", r'''
destination :: m.append({"destination": "/", "type": "tmpfs"})
destination :: m.append({"destination": "/x/..", "type": "tmpfs"})
destination :: m.append({"destination": "", "type": "tmpfs"})
destination :: m.append({"type": "tmpfs"})
mounts :: d["mounts"] = {}
mounts :: m.append(7)
source :: m.append({"destination": "/x", "options": ["bind"]})
no/such :: m.append({"destination": "/x", "source": "/no/such", "type": "bind", "options": ["bind"]})
loop-a :: m.append({"destination": "/x", "source": work + "/loop-a", "type": "bind", "options": ["bind"]})
shared :: m.append({"destination": "/x", "source": work, "type": "bind", "options": ["bind", "rshared"]})
ext4 :: m.append({"destination": "/x", "source": "/dev/vda", "type": "ext4"})
moonfs :: m.append({"destination": "/x", "type": "moonfs"})
/x :: m.append({"destination": "/x", "type": "tmpfs", "options": ["nosuchoption"]})
one option :: m.append({"destination": "/x", "type": "tmpfs", "options": ["size=1m", "ro,suid"]})
/proc :: m.insert(0, {"destination": "/x", "source": "/proc", "type": "bind", "options": ["rbind"]})
/sys :: m.insert(0, {"destination": "/x", "source": "/sys", "type": "bind", "options": ["rbind"]})
/dev :: m.insert(0, {"destination": "/x", "source": "/dev", "type": "bind", "options": ["rbind"]})
/etc/passwd :: m.append({"destination": "/etc/passwd/x", "type": "tmpfs"})
/etc/passwd :: m.append({"destination": "/etc/passwd", "type": "tmpfs"})
/etc :: m.append({"destination": "/etc", "source": work + "/a-file", "type": "bind", "options": ["bind"]})
name too long :: m.append({"destination": "/" + "x" * 300, "type": "tmpfs"})
destination|too long :: m.append({"destination": "/x" * 3000, "type": "tmpfs"})
mounts.*source :: m.append({"destination": "/x", "source": "y/" * 3000, "type": "bind"})
''')
for target, regex in (("/links/root", "root"), ("/links/up", "root"), ("/links/root/../..", "root|destination"), ("/links/loop-a", "Too many|loop|symbolic"),
                      ("/links/loop-a/x", "Too many|loop|symbolic"), ("/links/dangling", "dangling"), ("/links/dangling/x", "dangling"),
                      ("/links/magic-root", "magic-root"), ("/links/magic-root/canary", "magic-root"), ("/links/magic-cwd", "magic-cwd"),
                      ("/links/magic-cwd/x", "magic-cwd"), ("/links/magic-fd/x", "magic-fd"), ("/links/init-root/canary", "init-root")):
    for kind in ({"type": "tmpfs"}, {"type": "bind", "source": work + "/canary", "options": ["bind"]}):
        case("refused", regex, f'm.append({dict(kind, destination=target)!r})', f'{kind["type"]} on the symlink {target}')
for target in ("/links/root/new-a", "/links/up/new-b", "/links/up/up/up/new-c", "/links/host", "/links/host/new-d", "/links/relative-host/new-e",
               "/../../../new-f", "/links/../../../../new-g", "/links/proc/self/cwd/new-h", "/proc/new-i", "/proc/self/new-j", "/sys/new-k",
               "/dev/new-l", "/proc/1/root/new-m", "/proc/self/fd/new-n", "new-o/relative"):
    case("either", ".", f'm.append({{"destination": "{target}", "type": "tmpfs"}})', f"tmpfs on {target}")
    case("either", ".", f'm.append({{"destination": "{target}", "type": "bind", "source": work + "/canary", "options": ["bind", "ro"]}})', f"bind on {target}")
case("either", ".", 'm += [{"destination": "/mnt/%d" % i, "type": "tmpfs", "options": ["size=4k"]} for i in range(10000)]', "10000 tmpfs")
case("either", ".", 'm += [{"destination": "/mnt", "type": "bind", "source": work + "/canary", "options": ["bind"]} for i in range(10000)]', "10000 binds on one place")
case("either", ".", 'm += [{"destination": "/mnt" + "/a" * i, "type": "tmpfs"} for i in range(1, 200)]', "200 mounts, each in the one before")
case("either", ".", 'm += [{"destination": "/mnt", "type": "bind", "source": work, "options": ["rbind"]}, {"destination": "/mnt/bundle/rootfs/mnt", "type": "bind", "source": work, "options": ["rbind"]}]', "cyclic: a directory that holds the root, in the root")
case("either", ".", 'm += [{"destination": "/proc", "type": "tmpfs"}, {"destination": "/proc", "type": "proc"}, {"destination": "/proc", "type": "proc"}]', "proc three times")

### Devices, sysctls, cgroups
for path, kind, major, minor in (("sda", "b", 8, 0), ("vda", "b", 254, 0), ("loop0", "b", 7, 0), ("mem", "c", 1, 1), ("kmem", "c", 1, 2), ("port", "c", 1, 4),
                                 ("kmsg", "c", 1, 11), ("tty1", "c", 4, 1), ("ttyS0", "c", 4, 64), ("ttyS0", "u", 4, 64), ("console1", "c", 5, 1), ("vcs", "c", 7, 0),
                                 ("sg0", "c", 21, 0), ("loop-control", "c", 10, 237), ("uinput", "c", 10, 223), ("mapper", "c", 10, 236), ("btrfs", "c", 10, 234),
                                 ("sub/dir/mem", "c", 1, 1), ("msr", "c", 202, 0), ("snapshot", "c", 10, 231)):
    case("refused", f"/dev/{path}", f'l["devices"] = [{{"path": "/dev/{path}", "type": "{kind}", "major": {major}, "minor": {minor}}}]', f"device {kind} {major}:{minor}")
table("refused", r'''
below /dev :: l["devices"] = [{"path": "/etc/x", "type": "c", "major": 10, "minor": 229}]
below /dev :: l["devices"] = [{"path": "/dev/../etc/x", "type": "c", "major": 10, "minor": 229}]
below /dev|devices :: l["devices"] = [{"path": "/dev/x/../../etc/x", "type": "c", "major": 10, "minor": 229}]
below /dev|devices :: l["devices"] = [{"path": "/dev/..", "type": "c", "major": 10, "minor": 229}]
below /dev|devices|/dev :: l["devices"] = [{"path": "/dev/", "type": "c", "major": 10, "minor": 229}]
devices :: l["devices"] = [{"path": "/dev/x", "type": "q", "major": 10, "minor": 229}]
devices :: l["devices"] = [{"path": "/dev/x", "type": "c", "major": 4294967296, "minor": 229}]
devices :: l["devices"] = [{"path": "/dev/x", "type": "c", "major": 4097, "minor": 1048577}]
devices :: l["devices"] = [{"path": "/dev/x", "type": "c", "major": -1, "minor": -1}]
devices|/dev/stdin/x :: l["devices"] = [{"path": "/dev/stdin/x", "type": "c", "major": 10, "minor": 229}]
kernel.core_modes :: l["sysctl"] = {"kernel.core_modes": "|/x"}
kernel/version :: l["sysctl"] = {"kernel/version": "|/x"}
kernel.core_pattern :: l["sysctl"] = {"kernel.core_pattern": 1}
kernel/core_pattern :: l["sysctl"] = {"kernel/core_pattern": ""}
core_pattern :: l["sysctl"] = {"net.ipv4/../../kernel/core_pattern": "|/x"}
core_pattern :: l["sysctl"] = {"net.//.kernel.core_pattern": "|/x"}
core_pattern :: l["sysctl"] = {"net/../kernel/core_pattern": "|/x"}
core_pattern :: l["sysctl"] = {"net.ipv4.//.//.kernel.core_pattern": "|/x"}
vm.overcommit.*Invalid :: l["sysctl"] = {"vm.overcommit_memory": "7"}
kernel.panic :: l["sysctl"] = {"kernel.panic": "moon"}
fs.file-nr :: l["sysctl"] = {"fs.file-nr": "1"}
kernel.usermodehelper :: l["sysctl"] = {"kernel.usermodehelper.bset": "1 1"}
sys/module|parameters|hashsize :: l["sysctl"] = {"../sys/module/nf_conntrack/parameters/hashsize": "1"}
kernel.hostname :: l["sysctl"] = {"kernel.hostname": "owned"}
fs.file-max :: l["sysctl"] = {"fs.file-max": "-1"}
user.max :: l["sysctl"] = {"user.max_user_namespaces": "0"}
net.no :: l["sysctl"] = {"net.no.such": "1"}
kernel.shmmax :: l["sysctl"] = {"kernel.shmmax": 1}
kernel.shmmax|linux.sysctl :: l["sysctl"] = {"kernel.shmmax": "moon"}
linux.sysctl :: l["sysctl"] = {"": "1"}
cgroupsPath :: l["cgroupsPath"] = "/../../x"
cgroupsPath :: l["cgroupsPath"] = "../x"
cgroupsPath :: l["cgroupsPath"] = "/a/b/.."
cgroupsPath :: l["cgroupsPath"] = "/a\nb"
cgroupsPath :: l["cgroupsPath"] = "/" + "c" * 5000
cgroup :: l["cgroupsPath"] = "/" + "c" * 300
memory :: l["resources"] = {"memory": {"limit": -5}}
memory :: l["resources"] = {"memory": {"limit": 1e300}}
too big integer :: l["resources"] = {"memory": {"limit": 99999999999999999999999}}
cpu :: l["resources"] = {"cpu": {"cpus": "moon"}}
unified :: l["resources"] = {"unified": {"../memory.max": "1"}}
unified :: l["resources"] = {"unified": {"a/b": "1"}}
hugepageLimits :: l["resources"] = {"hugepageLimits": [{"pageSize": "../../x", "limit": 1}]}
devices :: l["resources"] = {"devices": [{"allow": True, "type": "q"}]}
seccomp :: l["seccomp"] = {"defaultAction": "SCMP_ACT_MOON"}
seccomp :: l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_MOON"]}
maskedPaths :: l["maskedPaths"] = ["relative"]
readonlyPaths :: l["readonlyPaths"] = [7]
rootfsPropagation :: l["rootfsPropagation"] = "moon"
''')
table("either", r'''
. :: l["maskedPaths"] = ["/proc/../../../etc", "/", "/links/host", "/proc/self/root", "/links/loop-a"]
. :: l["readonlyPaths"] = ["/proc/../../../etc", "/", "/links/host", "/proc/self/root", "/links/loop-a"]
. :: l["maskedPaths"] = ["/m%d" % i for i in range(20000)]
. :: l["sysctl"] = {"net.core.bpf_jit_enable": "0"}
''')

### Hooks: HANG and FAIL are the test's programs.
for kind, when in (("prestart", "refused"), ("createRuntime", "refused"), ("createContainer", "refused"), ("poststart", "start")):
    for regex, hook in ((f"hooks.{kind}.*did not end within 1 s", {"path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1}),
                        (f"hooks.{kind}.*exit status 1", {"path": "/bin/false"}), (f"hooks.{kind}.*[Nn]o such file", {"path": "/no/such/hook"}),
                        (f"hooks.{kind}.*[Pp]ermission", {"path": "/etc/passwd"}), (f"hooks.{kind}.*signal 9", {"path": "/bin/sh", "args": ["sh", "-c", "kill -9 $$"]}),
                        (f"hooks.{kind}.*exit status 3.*said", {"path": "/bin/sh", "args": ["sh", "-c", "echo said; echo twice; exec >&- 2>&-; exit 3"]}),
                        (f"hooks.{kind}.*did not end within 1 s", {"path": "/bin/sh", "args": ["sh", "-c", "trap '' TERM; sleep 1000 & sleep 1000"], "timeout": 1})):
        case(when, regex, f'd["hooks"] = {{"{kind}": [{hook!r}]}}', f"hook {kind} {hook}")
for regex, hook in (("hooks.startContainer.*did not end within 1 s", {"path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1}),
                    ("hooks.startContainer.*exit status 1", {"path": "/bin/false"}), ("hooks.startContainer.*[Nn]o such file", {"path": "/no/such/hook"}),
                    ("hooks.startContainer.*[Pp]ermission", {"path": "/etc/passwd"})):
    case("start", regex, f'd["hooks"] = {{"startContainer": [{hook!r}]}}', f"hook startContainer {hook}")
table("refused", r'''
hooks.prestart :: d["hooks"] = {"prestart": [{"path": "bin/true"}]}
hooks.poststop :: d["hooks"] = {"poststop": [{"path": "true"}]}
hooks.poststart :: d["hooks"] = {"poststart": [{"args": ["x"]}]}
hooks.createRuntime :: d["hooks"] = {"createRuntime": [{"path": "/bin/true", "timeout": 0}]}
hooks.createRuntime :: d["hooks"] = {"createRuntime": [{"path": "/bin/true", "timeout": -1}]}
hooks.startContainer :: d["hooks"] = {"startContainer": {"path": "/bin/true"}}
hooks :: d["hooks"] = []
''')

### The text itself
table("refused", r'''
ociVersion :: del d["ociVersion"]
ociVersion :: d["ociVersion"] = "2.0.0"
ociVersion :: d["ociVersion"] = "1.0." + "9" * 100 + "x"
root :: del d["root"]
annotations|a :: d["annotations"] = {"a\nb": 7}
''')
raw("refused", "UTF-8|decode byte", "invalid UTF-8 in a string", lambda t: t.replace(b'"true"', b'"\xff\xfe"'))
raw("refused", "UTF-8|decode byte", "a surrogate in UTF-8", lambda t: t.replace(b'"true"', b'"\xed\xa0\x80"'))
raw("refused", "NUL|u0000", "an escaped NUL", lambda t: t.replace(b'"true"', b'"tr\\u0000ue"'))
raw("refused", "NUL|u0000", "an escaped NUL in a key", lambda t: t.replace(b'"process"', b'"x\\u0000y": 1, "process"'))
raw("refused", "json", "a raw NUL", lambda t: t.replace(b'"true"', b'"tr\0ue"'))
raw("refused", "duplicate", "a duplicate key", lambda t: t.replace(b'"process"', b'"root": {"path": "/"}, "process"', 1))
raw("refused", "duplicate", "a duplicate key, once escaped", lambda t: t.replace(b'"process"', b'"\\u0072oot": {"path": "/"}, "process"', 1))
raw("refused", "depth", "100000 nested arrays", lambda t: t.replace(b'"process"', b'"x": ' + b"[" * 100000 + b"]" * 100000 + b', "process"', 1))
raw("refused", "depth", "100000 nested objects", lambda t: t.replace(b'"process"', b'"x": ' + b'{"a":' * 100000 + b"1" + b"}" * 100000 + b', "process"', 1))
raw("refused", "json", "a number of 100000 digits", lambda t: t.replace(b'"process"', b'"x": ' + b"9" * 100000 + b', "process"', 1))
raw("refused", "json", "1e400", lambda t: t.replace(b'"process"', b'"x": 1e400, "process"', 1))
raw("refused", "json", "half a document", lambda t: t[:len(t) // 2])
raw("refused", "json", "an empty file", lambda t: b"")
raw("refused", "json", "text after the document", lambda t: t + b"{}")
raw("refused", "object|json", "an array", lambda t: b"[" + t + b"]")
raw("refused", "16 MiB", "17 MiB", lambda t: t + b" " * (17 << 20))
raw("refused", "json", "a string without an end", lambda t: b'{"ociVersion": "1.0.0')
raw("refused", "json", "a backslash at the end", lambda t: b'{"ociVersion": "1.0.0\\')
