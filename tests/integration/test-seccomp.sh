#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Seccomp in containers: engines' profiles, 32-bit programs, the listener, the cache.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99

gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
[ "$(uname -m)" = x86_64 ] || { echo "1..0 # SKIP these system call numbers are x86_64's"; exit 0; }

root=$work/state
bundle=$work/bundle
mkdir -p "$bundle/rootfs"/{bin,proc,sys,dev,tmp,lib,lib64,usr}
cp "$(type -P busybox)" "$bundle/rootfs/bin/busybox"
for name in sh cat echo sleep true mkdir; do ln -s busybox "$bundle/rootfs/bin/$name"; done

cp "$top_builddir/tests/lib/call" "$bundle/rootfs/bin/"

# config SECCOMP-JSON NO-NEW-PRIVS ARG…
config() {
	python3 - "$bundle/config.json" "$@" <<'END'
import json, sys
path, seccomp, nnp = sys.argv[1:4]
spec = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "hostname": "s", "annotations": {"k": "v"},
        "process": {"args": sys.argv[4:], "cwd": "/", "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"],
                    "noNewPrivileges": nnp == "true",
                    "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]}},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}],
        "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "network")],
                  "seccomp": json.loads(seccomp)}}
json.dump(spec, open(path, "w"))
END
}
cloister() { timeout 60 "$top_builddir/src/cloister" --root "$root" "$@" </dev/null; }
runs() { cloister run --bundle "$bundle" "$1" 2>&1; }
archs='"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"]'

# What `launch` gives.
launched() { cloister launch --rootfs "$bundle/rootfs" -- /bin/call "$@" 2>&1; }
out=$(launched 32 20)
like "$out" '^[0-9]+$' "launch: the 32-bit entry works"
is "$(launched 32 115)" -1 "launch: a denied call is denied there too (swapoff)"
is "$(launched 64 41 40 1)" -1 "launch: AF_VSOCK is denied"
is "$(launched 64 41 42 2)" -1 "launch: AF_QIPCRTR too"
is "$(launched 64 41 0x100000028 1)" -1 "launch: … with rubbish in the half that the kernel does not look at"
is "$(launched 32 359 40 1)" -1 "launch: … by the 32-bit entry"
is "$(launched 64 0x40000029 40 1)" -1 "launch: … by x32"

for nnp in true false; do
	# Everything up to statx; all that is newer is unknown.
	names=$(python3 -c 'import json
print(json.dumps(["read","write","open","close","fstat","brk","mmap","mprotect","munmap","execve","arch_prctl",
"set_tid_address","set_robust_list","exit","exit_group","prlimit64","readlink","readlinkat","getrandom","newfstatat","access",
"setgroups","setresuid","setresgid","setuid","setgid","prctl","chdir","getcwd","capset","capget","sendmsg","recvmsg","rseq","writev",
"ioctl","getpid","uname","statx","rt_sigaction","rt_sigprocmask","lseek","dup2","fcntl","umask"]))')
	config '{"defaultAction":"SCMP_ACT_ERRNO",'"$archs"',"syscalls":[{"names":'"$names"',"action":"SCMP_ACT_ALLOW"}]}' \
		$nnp /bin/call 64 435
	is "$(runs new)" -38 "noNewPrivileges $nnp: clone3 is ENOSYS under a profile older than it"
	sed -i 's/"435"/"165"/' "$bundle/config.json"
	is "$(runs old)" -1 "noNewPrivileges $nnp: mount is EPERM"
	config '{"defaultAction":"SCMP_ACT_ALLOW",'"$archs"',"syscalls":[{"names":["getpid"],"action":"SCMP_ACT_ERRNO","errnoRet":77}]}' \
		$nnp /bin/call 64 39
	is "$(runs errno)" -77 "noNewPrivileges $nnp: errnoRet"
done
is "$(ls "$root/.seccomp" | wc -l)" 3 "compiled filters are kept"
is "$(stat -c %a "$root/.seccomp")" 700 "… for root alone"

config '{"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1}' true /bin/true
like "$(runs bad)" 'defaultErrnoRet: SCMP_ACT_ALLOW has no errno' "errno for an action without: refused"

# The agent: one connection after the other, each with one message and one descriptor; answers
# mkdir with EXDEV and lets everything else pass.
cat >"$work/agent.py" <<'END'
import ctypes, json, os, socket, struct, sys, fcntl, threading
RECV, SEND = 0xc0502100, 0xc0182101
path, log = sys.argv[1:3]
s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(8)
print("ready", flush=True)
def answer(fd):
    while True:
        req = bytearray(80)
        try: fcntl.ioctl(fd, RECV, req)
        except OSError: return
        fcntl.ioctl(fd, SEND, struct.pack("QqiI", struct.unpack_from("Q", req)[0], 0, -18, 0))
while True:
    c, _ = s.accept()
    data, fds, _, _ = socket.recv_fds(c, 65536, 4)
    open(log, "a").write("%d %s\n" % (len(fds), data.decode()))
    threading.Thread(target=answer, args=(fds[0],), daemon=True).start()
END
python3 "$work/agent.py" "$work/agent.sock" "$work/agent.log" >"$work/ready" &
agent=$!
on_exit eval 'kill $agent 2>/dev/null'
for _ in $(seq 50); do [ -s "$work/ready" ] && break; sleep 0.1; done
notify='{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"'$work/agent.sock'","listenerMetadata":"meta","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]}'
for nnp in true false; do
	config "$notify" $nnp /bin/call 64 83
	is "$(runs notify)" -18 "noNewPrivileges $nnp: the agent answers"
	config "$notify" $nnp /bin/sh -c '/bin/call 64 83 >/tmp/out'
	rm -f "$bundle/rootfs/tmp/out"
	config "$notify" $nnp /bin/sleep 50
	cloister create --bundle "$bundle" two >"$work/out" 2>&1
	ok "noNewPrivileges $nnp: start from another process" cloister start two
	is "$(cloister exec two /bin/call 64 83 2>&1)" -18 "noNewPrivileges $nnp: exec has a listener of its own"
	cloister delete --force two >/dev/null 2>&1
done
is "$(wc -l <"$work/agent.log")" 6 "one message for each process"
ok "the message is a container process state" python3 - "$work/agent.log" <<'END'
import json, sys
for line in open(sys.argv[1]):
    n, text = line.split(" ", 1)
    m = json.loads(text)
    assert n == "1" and m["fds"] == ["seccompFd"] and m["metadata"] == "meta" and m["pid"] > 1, m
    s = m["state"]
    assert s["id"] in ("notify", "two") and s["status"] in ("created", "running") and s["bundle"], m
    assert s["annotations"]["k"] == "v" and m["ociVersion"] and s["ociVersion"], m
END
kill $agent
wait $agent 2>/dev/null
rm -f "$work/agent.sock"
config "$notify" true /bin/sh -c 'echo started'
out=$(runs nobody)
like "$out" 'listenerPath.*agent running' "no agent: an error that says so"
unlike "$out" started "… and the container does not start"
is "$(cloister list 2>/dev/null | grep -c nobody)" 0 "… and nothing is left of it"
done_testing
