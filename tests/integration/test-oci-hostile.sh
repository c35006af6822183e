#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a review of the OCI runtime broke once: containers that share namespaces with a hostile one,
# hooks, cgroups that belong to others, commands that must not wait for a container.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
root=$work/root
make_root "$root"
need_containers --rootfs "$root"

# bundle NAME [STATEMENTS]: a bundle of that name, its specification `d` changed by python statements.
bundle() {
	mkdir -p "$work/$1"
	python3 - "$root" "${2:-}" >"$work/$1/config.json" <<-'END'
	import json, sys
	caps = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID"]
	linux = {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "network", "cgroup")]}
	def ns(kind, path):
	    for n in linux["namespaces"]:
	        if n["type"] == kind: n["path"] = path
	process = {"cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}, "args": ["/bin/sleep", "1000"],
	    "capabilities": {k: caps for k in ("bounding", "effective", "permitted")}}
	d = {"ociVersion": "1.0.2", "root": {"path": sys.argv[1]}, "hostname": "h", "process": process, "linux": linux,
	    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}]}
	exec(sys.argv[2])
	json.dump(d, sys.stdout)
	END
}
create() { cloister create --bundle "$work/$1" "$1" </dev/null >"$tap_dir/create.out" 2>&1; }
# What it says, by a file: a container that is made after all keeps what we give it as its output.
create_loud() {
	local status
	create "$1"
	status=$?
	cat "$tap_dir/create.out"
	return $status
}
pid_of() { cloister state "$1" | json 'd["pid"]'; }

# What cloister says within some seconds, or status 124.
within() { timeout "$1" "$top_builddir/src/cloister" --root "$state" "${@:2}" </dev/null; }

### Who takes the terminal may be anybody's prey: nothing waits for good, nothing is left of what failed
n=$(cname terminal)
bundle "$n" 'process["terminal"] = True; process["args"] = ["/bin/sh", "-c", "echo here; exec /bin/sleep 1000"]
d["mounts"].append({"destination": "/dev/pts", "type": "devpts", "source": "devpts"})'
hostile() { # KIND COMMAND…
	OTHER="$top_builddir/src/cloister --root $state list >/dev/null" python3 "$tests_lib/console-hostile.py" "$1" "$work/console.sock" \
		"$top_builddir/src/cloister" --root "$state" "$2" --console-socket "$work/console.sock" "${@:3}"
}
said=$(hostile full create --bundle "$work/$n" "$n")
like "$said" 'OTHER 0' "a console socket that nobody serves: other commands go on"
like "$said" 'STATUS 1 .*console-socket.*timed out' "... create gives up"
fails 'does not exist' "... and leaves no container" cloister state "$n"
for kind in slam drop feed; do
	like "$(hostile $kind create --bundle "$work/$n" "$n")" 'STATUS (0 ?$|1 .*console-socket.*Broken pipe)' "one that does not keep the terminal ($kind)"
	fails 'take the terminal|does not exist' "... its start, without a terminal, says so" within 5 start "$n"
	ok "... and it is deleted" within 5 delete --force "$n"
done
bundle "$n" 'd["mounts"].append({"destination": "/dev/pts", "type": "devpts", "source": "devpts"})'
create "$n" && cloister start "$n"
like "$(hostile full exec --detach --tty "$n" /bin/sleep 1000)" 'STATUS [1-9][0-9]* .*console-socket.*timed out' "exec to a socket that nobody serves gives up"
for kind in slam drop feed; do
	like "$(hostile $kind exec --detach --tty "$n" /bin/sleep 1000)" 'STATUS (0|[1-9][0-9]* .+)' "exec to one that does not keep the terminal ($kind) ends"
done
ok "... and no process of these is left" eventually 5 sh -c "[ \"\$('$top_builddir/src/cloister' --root '$state' ps --format json '$n' | tr -cd ,)\" = '' ]"
cloister delete --force "$n"

### A hook that is a program of the image gets no more than the container's command
n=$(cname hook)
bundle "$n" 'd["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c",
  "grep -E \"^(Uid|Groups|CapPrm|CapEff|CapBnd|NoNewPrivs|Seccomp):\" /proc/self/status >/tmp/hook"]}]}
process["noNewPrivileges"] = True
process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5]}
process["capabilities"]["effective"] = process["capabilities"]["permitted"] = []
linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["acct"], "action": "SCMP_ACT_ERRNO"}]}
process["args"] = ["/bin/sh", "-c",
  "grep -E \"^(Uid|Groups|CapPrm|CapEff|CapBnd|NoNewPrivs|Seccomp):\" /proc/self/status >/tmp/command; sleep 1000"]'
rm -f "$root/tmp/hook" "$root/tmp/command"
ok "a container with a startContainer hook" create "$n"
ok "starts" cloister start "$n"
eventually 5 test -s "$root/tmp/command"
is "$(cat "$root/tmp/hook")" "$(cat "$root/tmp/command")" "its hook has the command's ids, capabilities, filter and no_new_privs"
like "$(cat "$root/tmp/hook")" 'Seccomp:.2' "the filter too"
cloister delete --force "$n"

### A notifying filter: the hook gets it without the listener, which is the command's
n=$(cname notify)
python3 - "$work/agent" <<'END' &
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1); c, _ = s.accept(); keep = socket.recv_fds(c, 65536, 4)
import time; time.sleep(60)
END
agent=$!
eventually 5 test -S "$work/agent"
bundle "$n" 'd["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "grep ^Seccomp: /proc/self/status >/tmp/hook"]}]}
linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "'"$work/agent"'",
  "syscalls": [{"names": ["acct"], "action": "SCMP_ACT_NOTIFY"}]}'
rm -f "$root/tmp/hook"
ok "a container with a hook and a notifying filter" create "$n"
ok "starts within seconds" within 10 start "$n"
like "$(cat "$root/tmp/hook")" 'Seccomp:.2' "its hook runs under the filter"
cloister delete --force "$n"
kill "$agent"; wait "$agent" 2>/dev/null

### PID 1 of a created container that does not answer
n=$(cname asleep)
bundle "$n"
ok "a container that is created" create "$n"
kill -STOP "$(pid_of "$n")"
last=
for i in {1..40}; do last=$(within 5 state "$n" | json 'd["status"]') || break; done
is "$last" created "is looked at 40 times while its first process is stopped"
ok "and deleted" within 10 delete --force "$n"

### A hostile container whose pid namespace another one joins, and that stops what it sees there
x=$(cname stopper) n=$(cname guest)
bundle "$x" 'process["args"] = ["/bin/sh", "-c",
  "while :; do for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p = 1 ] || kill -STOP $p 2>/dev/null; done; done"]'
ok "a container that stops every process it sees" create "$x"
ok "starts" cloister start "$x"
bundle "$n" "ns('pid', '/proc/$(pid_of "$x")/ns/pid')"
within 2 create --bundle "$work/$n" "$n" >"$tap_dir/create.out" 2>&1
diag "a create that joins it ends with status $? (124: it was waiting)"
ok "list does not wait" within 5 list
within 10 delete --force "$n" >/dev/null 2>&1
like "$(within 5 state "$n" 2>&1)" "does not exist" "nothing is left of the one that waited"
ok "the stopper is deleted" within 10 delete --force "$x"

### A container that moves to a user namespace of its own before another joins its network
x=$(cname mover) n=$(cname follower)
bundle "$x" 'process["args"] = ["unshare", "-U", "-n", "sleep", "1000"]
caps = ["CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE"]
process["capabilities"] = {k: caps for k in ("bounding", "effective", "permitted")}'
ok "a container that moves to a namespace of its own" create "$x"
before=$(readlink "/proc/$(pid_of "$x")/ns/user")
ok "starts" cloister start "$x"
pid=$(pid_of "$x")
moved() { [ "$(readlink "/proc/$pid/ns/user")" != "$before" ]; }
eventually 5 moved
# Its maps, written with the power of the container's root.
python3 - "$pid" <<-'END'
import ctypes, fcntl, os, sys
proc = os.open(f"/proc/{sys.argv[1]}", os.O_PATH)
own = fcntl.ioctl(os.open("ns/user", os.O_RDONLY, dir_fd=proc), 0xb702)  # NS_GET_PARENT
if ctypes.CDLL(None).setns(own, 0) != 0: sys.exit("setns")
for name, text in (("uid_map", "0 0 65536"), ("gid_map", "0 7 1")):
    os.write(os.open(name, os.O_WRONLY, dir_fd=proc), text.encode())
END
like "$(cat "/proc/$pid/gid_map")" '0 +[0-9]+ +1$' "maps it as it likes"
bundle "$n" "ns('network', '/proc/$pid/ns/net')"
fails 'made inside a container' "nobody follows it there" create_loud "$n"
cloister delete --force "$n" 2>/dev/null
cloister delete --force "$x"

### A cgroup that is somebody else's, but not in each hierarchy
if [ -e /sys/fs/cgroup/memory/cgroup.procs ]; then
	foreign=cloister-foreign-$$
	for h in memory pids freezer; do
		[ -e "/sys/fs/cgroup/$h/cgroup.procs" ] || continue
		mkdir "/sys/fs/cgroup/$h/$foreign"
		sleep 300 &
		other=$!
		echo "$other" >"/sys/fs/cgroup/$h/$foreign/cgroup.procs"
		n=$(cname "foreign-$h")
		bundle "$n" 'linux["cgroupsPath"] = "/'"$foreign"'"'
		fails 'another name' "a cgroup with a process in the hierarchy $h alone is not taken" create_loud "$n"
		cloister delete --force "$n"
		ok "$h: and its process lives" kill -0 "$other"
		kill "$other"
		wait "$other" 2>/dev/null
		for d in /sys/fs/cgroup/*/"$foreign"; do [ ! -d "$d" ] || rmdir "$d"; done
	done
else
	skip cgroup-v1 "a cgroup that is somebody else's in one hierarchy"
fi

### What a launcher leaves that was killed before it knew whose the cgroup is
foreign=cloister-foreign-$$ h=/sys/fs/cgroup/memory
[ -d "$h" ] || h=/sys/fs/cgroup
mkdir "$h/$foreign"
sleep 300 &
other=$!
echo "$other" >"$h/$foreign/cgroup.procs"
n=$(cname killed)
mkdir "$state/$n"
: >"$state/$n/alive"
printf 'init 0 0\nlauncher 999999 1\nauto_remove 0\ncgroup_own 0\ncgroup %s\nhelpers_cgroup \nscope \n' "$foreign" >"$state/$n/record"
cloister list >/dev/null
[ ! -e "$state/$n" ] || cloister delete --force "$n"
ok "is removed" test ! -e "$state/$n"
ok "without what is in that cgroup" kill -0 "$other"
kill "$other"
wait "$other" 2>/dev/null
rmdir "$h/$foreign"

### The host's network namespace by a path, from an engine in another one
n=$(cname hostnet)
cat >"$work/hostnet.sh" <<'END'
# Pid 1 here has the "host's" network; the launcher is run in another.
before=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)
unshare -n "$1" --root "$2" run --detach --bundle "$3" "$4" </dev/null 2>&1
echo "port $before $(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)"
"$1" --root "$2" delete --force "$4"
END
bundle "$n" "ns('network', '/proc/1/ns/net')"
out=$(unshare -n --pid --fork --mount-proc sh "$work/hostnet.sh" "$top_builddir/src/cloister" "$state" "$work/$n" "$n" 2>&1)
like "$out" "can't share .*network" "is refused"
like "$out" "port 1024 1024" "and keeps its settings"
cloister delete --force "$n"

done_testing
