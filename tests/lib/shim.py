#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What engines do with a runtime, without an engine.

shim.py bundle DIRECTORY ROOTFS [PATCH]
    Writes DIRECTORY/config.json as dockerd 20.10 has it, changed by the JSON merge patch PATCH
    (RFC 7396; `"+mounts": [...]` and the like append to an array).
shim.py life [--console] [--stdin TEXT] [--keep] RUNTIME ROOT BUNDLE ID
    What containerd's shim does, being a child subreaper: create with the shim's pipes and parent death
    signal, wait for the end of the pipes, look at the pid file, start, reap the container's first
    process, kill --all, delete. Prints what it saw as JSON. --keep: does not start it.
shim.py exec [--console] RUNTIME ROOT BUNDLE ID PROCESS-JSON
    The same for a process of exec.
"""
import array, ctypes, json, os, select, signal, socket, subprocess, sys, tempfile, threading, time

LIMIT = 20.0
CAPS = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"]

def spec(rootfs):
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0}, "args": ["/bin/sh"], "cwd": "/",
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"],
            "capabilities": {"bounding": CAPS, "effective": CAPS, "permitted": CAPS},
        },
        "root": {"path": rootfs}, "hostname": "shim",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid", "noexec", "nodev"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
        ],
        "linux": {
            "namespaces": [{"type": t} for t in ("mount", "network", "uts", "pid", "ipc")],
            "resources": {"devices": [{"allow": False, "access": "rwm"}] + [
                {"allow": True, "type": "c", "major": a, "minor": b, "access": "rwm"}
                for a, b in ((1, 3), (1, 5), (1, 8), (1, 9), (5, 0), (5, 1))]},
            "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }

def merge(target, patch):
    if not isinstance(patch, dict): return patch
    target = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if key.startswith("+"): target[key[1:]] = target.get(key[1:], []) + value
        elif value is None: target.pop(key, None)
        else: target[key] = merge(target.get(key), value)
    return target

def bundle(directory, rootfs, patch="{}"):
    os.makedirs(directory, exist_ok=True)
    with open(directory + "/config.json", "w") as f: json.dump(merge(spec(rootfs), json.loads(patch)), f, indent=1)

def prctl(option, value):
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0): raise OSError("prctl")

class Console:
    """The socket on which the runtime hands over a terminal's master."""
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="pty")
        self.path = self.dir + "/pty.sock"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.master = None
    def receive(self):
        self.listener.settimeout(LIMIT)
        connection, _ = self.listener.accept()
        connection.settimeout(LIMIT)
        data, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(16))
        fds = array.array("i")
        for level, kind, payload in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS): fds.frombytes(payload[:len(payload) - len(payload) % 4])
        connection.close()
        self.name, self.count = data.decode(errors="replace"), len(fds)
        self.master = fds[0] if fds else None
    def close(self):
        self.listener.close()
        os.unlink(self.path)
        os.rmdir(self.dir)

class Shim:
    def __init__(self, runtime, root, directory, name):
        self.runtime, self.root, self.bundle, self.name = runtime, root, directory, name
        self.log = directory + "/log.json"
        self.seen = {}
        prctl(36, 1)  # PR_SET_CHILD_SUBREAPER

    def call(self, args, stdin=subprocess.DEVNULL, out=None, err=None):
        """Runs the runtime to its end; its own words are a pipe that is read to its end, as go-runc does."""
        argv = [self.runtime, "--root", self.root, "--log", self.log, "--log-format", "json"] + args
        process = subprocess.Popen(argv, stdin=stdin, stdout=out or subprocess.PIPE, stderr=err or subprocess.PIPE,
                                   cwd=self.bundle, preexec_fn=lambda: prctl(1, signal.SIGKILL))
        text, end = b"", time.monotonic() + LIMIT
        files = [f for f in (process.stdout, process.stderr) if f]
        while files and time.monotonic() < end:
            for f in select.select(files, [], [], 0.2)[0]:
                data = os.read(f.fileno(), 65536)
                if data: text += data
                else: files.remove(f)
            if files and process.poll() is not None: end = min(end, time.monotonic() + 3)
        try: status = process.wait(max(end - time.monotonic(), 1))
        except subprocess.TimeoutExpired: process.kill(); status = process.wait()
        return status, text.decode(errors="replace"), not files

    def last_error(self):
        """What containerd makes of a failure: the last record of level error, with a time it can parse."""
        try: lines = open(self.log).read().splitlines()
        except FileNotFoundError: return None
        records = [json.loads(line) for line in lines]
        for r in records: assert r["time"][10] == "T" and r["level"] and "msg" in r, r
        errors = [r["msg"] for r in records if r["level"] == "error"]
        return errors[-1] if errors else None

    def reap(self, pid):
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            got, status = os.waitpid(pid, os.WNOHANG)
            if got: return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        return "still running"

    def spawn(self, args, pid_file, console, stdin=None):
        """create or exec: the container's standard streams are pipes of ours, or a terminal comes back."""
        seen, want_console = self.seen, console is not None
        if want_console:
            args = args[:-1] + ["--console-socket", console.path, args[-1]]
            receiver = threading.Thread(target=console.receive)
            receiver.start()
            status, text, eof = self.call(args)
            receiver.join(LIMIT)
            self.output = console.master
            seen["console"] = {"name": console.name, "fds": console.count} if console.master is not None else None
        else:
            r, w = os.pipe()
            r_in, w_in = os.pipe()
            if stdin is not None: os.write(w_in, stdin.encode())
            os.close(w_in)
            status, text, eof = self.call(args, stdin=r_in, out=w, err=w)
            os.close(w)
            os.close(r_in)
            self.output = r
        seen.update(status=status, said=text, eof=eof, error=self.last_error())
        if status: return None
        text = open(pid_file).read()
        seen["pid_file"] = text
        pid = int(text)
        seen["child"] = int(open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()[1]) == os.getpid()
        return pid

    def drain(self):
        """All that the container prints, to the end: whoever holds its pipe open for longer is at fault."""
        text, end = b"", time.monotonic() + LIMIT
        while time.monotonic() < end:
            if not select.select([self.output], [], [], 0.2)[0]: continue
            try: data = os.read(self.output, 65536)
            except OSError: data = b""  # EIO: a terminal without a slave
            if not data: return text.decode(errors="replace"), True
            text += data
        return text.decode(errors="replace"), False

def options(args, flags):
    given = {}
    while args and args[0].startswith("--"):
        flag = args.pop(0)
        given[flag[2:]] = args.pop(0) if flags[flag[2:]] else True
    return given

def life(args):
    given = options(args, {"console": False, "stdin": True, "keep": False})
    shim = Shim(*args)
    console = Console() if "console" in given else None
    seen = shim.seen
    pid_file = shim.bundle + "/init.pid"
    pid = shim.spawn(["create", "--bundle", shim.bundle, "--pid-file", pid_file, shim.name], pid_file, console, given.get("stdin"))
    if pid and "keep" not in given:
        seen["start"], seen["start_said"], seen["start_eof"] = shim.call(["start", shim.name])
        reader = threading.Thread(target=lambda: seen.update(zip(("output", "output_eof"), shim.drain())))
        reader.start()
        seen["exit"] = shim.reap(pid)
        reader.join(LIMIT + 5)
        seen["kill_all"], seen["kill_all_said"], _ = shim.call(["kill", "--all", shim.name, "9"])
        seen["delete"], seen["delete_said"], _ = shim.call(["delete", shim.name])
    if console: console.close()
    if pid and "keep" in given: os.close(shim.output)
    print(json.dumps(seen))

def do_exec(args):
    given = options(args, {"console": False, "stdin": True})
    process = args.pop()
    shim = Shim(*args)
    console = Console() if "console" in given else None
    fd, path = tempfile.mkstemp(prefix="runc-process")
    os.write(fd, process.encode())
    os.close(fd)
    pid_file = shim.bundle + "/exec.pid"
    if os.path.exists(pid_file): os.unlink(pid_file)
    pid = shim.spawn(["exec", "--process", path, "--detach", "--pid-file", pid_file, shim.name], pid_file, console, given.get("stdin"))
    os.unlink(path)
    if pid:
        shim.seen["output"], shim.seen["output_eof"] = shim.drain()
        shim.seen["exit"] = shim.reap(pid)
    if console: console.close()
    print(json.dumps(shim.seen))

if __name__ == "__main__":
    {"bundle": lambda a: bundle(*a), "life": life, "exec": do_exec}[sys.argv[1]](sys.argv[2:])
