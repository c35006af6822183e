#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The command lines that containerd's shim, dockerd, conmon and Podman really execute, replayed without
# an engine; and what those rely on without a specification: pid files, pipes, parentage, log records,
# error texts, exit statuses.
TEST_TIMEOUT=${TEST_TIMEOUT:-600}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
. "$tests_lib/oci.sh"
diag "runtime $engine_runtime"
script() { python3 -c 'import json, sys; print(json.dumps({"process": {"args": ["/bin/sh", "-c", sys.argv[1]]}}))' "$1"; }

### The life of a container below containerd's shim
bundle a "$(script 'read x; echo "out $x"; echo err >&2; exit 7')"
life --stdin hello a
is "$(seen status)" 0 "create: --root --log --log-format json create --bundle --pid-file ID"
is "$(seen said)" "" "create says nothing when all is well"
is "$(seen error)" null "create logs no error"
like "$(seen pid_file)" '^[0-9]+$' "the pid file is complete when create returns, without a newline"
is "$(seen child)" true "the first process becomes a child of the subreaper, who can wait for it"
is "$(seen start)" 0 "start ID"
is "$(seen start_eof)" true "start's pipes end when start ends"
like "$(seen output)" 'out hello' "the container has the shim's standard input and output"
like "$(seen output)" 'err' "... and standard error"
is "$(seen output_eof)" true "no process of the runtime keeps the container's pipes open when it has ended"
is "$(seen exit)" 7 "the shim reaps the exit status"
like "$(seen delete)" '^0$' "delete ID"
bundle b "$(script 'exit 0')"
life --keep b
is "$(seen status)" 0 "a container is created and left"
ok "delete --force of a created container" rt delete --force "$(cname b)"

bundle t '{"process": {"terminal": true, "args": ["/bin/sh", "-c", "tty; stty size; ls -l /dev/console; exec 3</dev/tty && echo controlling"], "consoleSize": {"height": 33, "width": 77}}}'
life --console t
is "$(seen eof)" true "create with --console-socket: its pipes end although the container lives on"
like "$(seen console)" '"fds": 1' "... one descriptor comes over the socket"
like "$(seen console)" '"name": "[^"]+"' "... with a payload that is not empty"
like "$(seen output)" '/dev/pts/0' "the terminal is one of the container's own devpts"
like "$(seen output)" '33 77' "consoleSize"
like "$(seen output)" '/dev/console' "/dev/console"
like "$(seen output)" 'controlling' "it is the controlling terminal"
is "$(seen exit)" 0 "a container with a terminal ends"

### A second look at a container that stays
create c "$(script 'exec sleep 1000')" || diag "$(cat "$work/b/c/out")"
is "$(status_of c)" created "state: created"
pid=$(cat "$work/b/c/pid")
is "$(state c | json 'd["pid"]')" "$pid" "state has the pid of the pid file"
ok "start" rt start "$(cname c)"
is "$(status_of c)" running "state: running"

shim_exec c '{"args": ["/bin/sh", "-c", "id -u; pwd; echo $A; cat /proc/1/comm; exit 5"], "cwd": "/tmp", "env": ["A=b", "PATH=/bin"], "user": {"uid": 0, "gid": 0}}'
is "$(seen status)" 0 "exec --process FILE --detach --pid-file FILE ID"
is "$(seen child)" true "... whose process becomes the subreaper's child"
is "$(seen output)" $'0\n/tmp\nb\nsleep' "... runs in the container"
is "$(seen output_eof)" true "... and nothing else holds its pipes"
is "$(seen exit)" 5 "... with its exit status"
# As of a container with --ulimit cpu=-1: an engine repeats its limits for each exec.
shim_exec c '{"args": ["/bin/sh", "-c", "ulimit -t"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0},
	"rlimits": [{"type": "RLIMIT_CPU", "hard": 18446744073709551615, "soft": 18446744073709551615}]}'
is "$(seen output)" unlimited "exec --process with a limit of 18446744073709551615, which is none"
pidfd() { # COMMAND…: its options get a socket; prints the word that comes on it, and whose the pidfd is
	python3 - "$work/pidfd.sock" "$@" <<-'E'
		import array, os, re, socket, subprocess, sys
		path, argv = sys.argv[1], sys.argv[2:]
		s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(1); s.settimeout(20)
		p = subprocess.Popen([path if a == "SOCKET" else a for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
		word, aux, _, _ = s.accept()[0].recvmsg(64, socket.CMSG_SPACE(4))
		fd = array.array("i", aux[0][2])[0]
		print(word.decode(), re.search(r"Pid:\s*(\d+)", open("/proc/self/fdinfo/%d" % fd).read())[1], p.wait())
		os.unlink(path)
	E
}
is "$(pidfd "$engine_runtime" --root "$oci_root" exec --detach --pidfd-socket SOCKET --pid-file "$work/pidfd.pid" "$(cname c)" sleep 1000)" "setns $(cat "$work/pidfd.pid") 0" \
	"exec --pidfd-socket PATH: a pidfd of the command"
kill "$(cat "$work/pidfd.pid")"
bundle f "$(script 'exec sleep 1000')"
is "$(pidfd "$engine_runtime" --root "$oci_root" create --bundle "$work/b/f" --pidfd-socket SOCKET --pid-file "$work/pidfd.pid" "$(cname f)")" "standard $(cat "$work/pidfd.pid") 0" \
	"create --pidfd-socket PATH: of the first process"
ok "... which can be deleted" rt delete --force "$(cname f)"
shim_exec --stdin typed c '{"args": ["/bin/cat"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 1000, "gid": 1000}}'
is "$(seen output)" typed "exec has standard input"
shim_exec --console c '{"terminal": true, "args": ["/bin/tty"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 1000, "gid": 1000}}'
like "$(seen output)" '/dev/pts/[0-9]' "exec --console-socket"
is "$(seen eof)" true "... whose own pipes end"
shim_exec c '{"args": ["/no/such"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}'
isnt "$(seen status)" 0 "exec of a program that is not there fails"
like "$(seen error)" 'no such file or directory|not found' "... with a record that Docker and Podman match for status 127"
shim_exec c '{"args": ["/etc/passwd"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}'
like "$(seen error)" '[Pp]ermission denied' "... and for 126"
is "$(rt exec "$(cname c)" sh -c 'exit 33' </dev/null; echo $?)" 33 "exec ID COMMAND: its exit status"
is "$(rt exec -u 1000:1001 -e X=y --cwd /tmp "$(cname c)" sh -c 'id -u; id -g; pwd; echo $X' </dev/null | tr '\n' ' ')" "1000 1001 /tmp y " \
	"exec -u -e --cwd"
is "$(rt exec "$(cname c)" /no/such </dev/null >/dev/null 2>&1; echo $?)" 255 "exec of what does not start: 255"
exec 5<"$work/b/c/config.json"
exec 3<"$work/b/c/pid" 4<"$work/b/c/out"
is "$(rt exec --preserve-fds 1 "$(cname c)" sh -c 'cat <&3; ls /proc/self/fd | tr "\n" " "' </dev/null)" "${pid}0 1 2 3 4 " \
	"exec --preserve-fds 1 passes one descriptor, and no other"
is "$(rt exec "$(cname c)" sh -c 'ls /proc/self/fd | tr "\n" " "' </dev/null)" "0 1 2 3 " "exec passes none by itself"
exec 3<&- 4<&- 5<&-

like "$(rt ps --format json "$(cname c)" 2>&1)" "^\[$pid\]" "ps --format json ID: the host's pids"
like "$(rt list 2>&1)" "$(cname c) +$pid +running +$work/b/c" "list"
like "$(rt list -q 2>&1)" "^$(cname c)\$" "list -q"
is "$(rt list -f json 2>/dev/null | json "[c['pid'] for c in d if c['id'] == '$(cname c)'][0]")" "$pid" "list -f json"
is "$(rt list -f json 2>/dev/null | json "[c['owner'] for c in d if c['id'] == '$(cname c)'][0]")" root "... with the owner"

like "$(rt ps "$(cname c)" -o pid,args 2>&1)" "^ *PID +COMMAND"$'\n'" *$pid sleep 1000" "ps ID -o pid,args: other users' processes too"
ok "kill ID 0 of a running container: it is there" rt kill "$(cname c)" 0
rt list -f neither >/dev/null 2>&1
is $? 1 "list: a wrong format is status 1"
ok "pause ID" rt pause "$(cname c)"
is "$(status_of c)" paused "state: paused"
fails 'paused' "exec in a paused container fails" rt exec "$(cname c)" true
ok "resume ID" rt resume "$(cname c)"
is "$(status_of c)" running "state: running again"
fails 'not paused|paused' "resume of a container that is not paused" rt resume "$(cname c)"
from() { local text=$1; shift; "$@" <<<"$text"; }
ok "update --resources - ID" from '{"memory": {"limit": 50331648}, "pids": {"limit": 33}}' rt update --resources - "$(cname c)"
is "$(cgroup_value "$pid" pids pids.max pids.max)" 33 "... pids"
echo '{"memory": {"limit": 67108864}, "pids": {"limit": 44}, "cpu": {"quota": 30000, "period": 100000}}' >"$work/res.json"
ok "update --resources FILE ID" rt update --resources "$work/res.json" "$(cname c)"
is "$(cgroup_value "$pid" memory memory.limit_in_bytes memory.max)" 67108864 "... memory"
is "$(cgroup_value "$pid" pids pids.max pids.max)" 44 "... pids"
like "$(cgroup_value "$pid" cpu cpu.cfs_quota_us cpu.max)" '^30000' "... cpu"
ok "update by options" rt update --memory 83886080 --pids-limit 55 "$(cname c)"
is "$(cgroup_value "$pid" memory memory.limit_in_bytes memory.max)" 83886080 "... memory"
is "$(cgroup_value "$pid" pids pids.max pids.max)" 55 "... pids"
case $(basename "$engine_runtime") in
crun) ;; # has no events
*)
	is "$(rt events --stats "$(cname c)" 2>/dev/null | json 'd["type"]')" stats "events --stats ID"
	is "$(rt events --stats "$(cname c)" 2>/dev/null | json 'd["data"]["pids"]["limit"]')" 55 "... with the limits" ;;
esac

### Errors that engines match
log=$work/error.json
last_error() { tail -n 1 "$log" | json 'd["level"] + " " + d["msg"] + " " + d["time"]'; }
rt_log "$log" state none >/dev/null 2>&1
is "$?" 1 "an error is exit status 1"
like "$(last_error)" '^error .*does not exist.* [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$' \
	"state of nothing: \"does not exist\", as a JSON record with an RFC 3339 time"
like "$(rt state none 2>&1)" 'does not exist' "... and on standard error"
rm -f "$work/error.text"
"$engine_runtime" --root "$oci_root" --log "$work/error.text" --log-format text exec 'no"ne' true >/dev/null 2>&1
like "$(cat "$work/error.text")" '^time="[^"]*" level=error msg="[^"]*(\\"[^"]*)*"$' "a record of text is quoted as a whole"
for command in start kill pause resume; do
	like "$(rt $command none 2>&1)" 'does not exist' "$command of nothing: \"does not exist\""
done
like "$(rt exec none true 2>&1)" 'does not exist' "exec in nothing: \"does not exist\""
like "$(rt delete none 2>&1)" 'does not exist' "delete of nothing: \"does not exist\""
ok "delete --force of nothing succeeds" rt delete --force none
fails 'with given ID already exists|already exists' "create of what is there" rt create -b "$work/b/c" "$(cname c)"
is "$(status_of c)" running "... which does nothing to it"
fails 1 "start of a running container" rt start "$(cname c)"
fails 1 "delete of a running container" rt delete "$(cname c)"
is "$(status_of c)" running "... leaves it running"
ok "kill ID NUMBER" rt kill "$(cname c)" 9
ok "state: stopped" eventually 10 has_status c stopped
like "$(rt kill "$(cname c)" 9 2>&1)" 'not running|no such process|already finished' "kill of a stopped container, in words that containerd matches"
like "$(rt exec "$(cname c)" true 2>&1)" 'not running|stopped|not exist' "exec in a stopped container"
is "$(state c | json 'd.get("pid", 0)')" 0 "the pid of a stopped container is 0 or absent"
ok "delete" rt delete "$(cname c)"
ok "its cgroups are gone" test -z "$(find /sys/fs/cgroup -type d -path "*cloister-test-$$-oci/c*")"

### kill by name, by number, all
create k "$(script 'trap "echo usr1 >/tmp/k" USR1; trap "exit 0" TERM; sleep 1000 & sleep 1000 & echo ready >/tmp/ready; while :; do sleep 0.1; done')"
rm -f "$work/rootfs/tmp/ready" "$work/rootfs/tmp/k"
rt start "$(cname k)"
eventually 10 test -e "$work/rootfs/tmp/ready"
ok "kill ID SIGUSR1" rt kill "$(cname k)" SIGUSR1
ok "... arrives" eventually 10 test -e "$work/rootfs/tmp/k"
rm -f "$work/rootfs/tmp/k"
ok "kill ID USR1" rt kill "$(cname k)" USR1
ok "... arrives" eventually 10 test -e "$work/rootfs/tmp/k"
ok "kill ID: TERM" rt kill "$(cname k)"
ok "... ends it" eventually 10 has_status k stopped
forget k
create all "$(script 'sleep 1000 & sleep 1000 & wait')"
rt start "$(cname all)"
ok "kill --all ID 9" rt kill --all "$(cname all)" 9
ok "... ends it" eventually 10 has_status all stopped
forget all
create gone "$(script 'exec sleep 1000')"
rt start "$(cname gone)"
fails 'is running' "delete --force=false: it is as if it was not there" rt delete --force=false "$(cname gone)"
fails 'is running' "... the last one counts" rt delete --force --force=F "$(cname gone)"
is "$(rt list --quiet=false | head -n 1 | cut -c 1-2)" ID "list --quiet=false: a table"
like "$(rt list --json=1 --quiet=no)" '^\[' "list --json=1"
is "$(rt exec -g 6 -g 5 -g 6 "$(cname gone)" grep ^Groups: /proc/self/status | xargs)" "Groups: 5 6" "exec --additional-gids, each once"
is "$(rt exec --tty=false "$(cname gone)" sh -c 'test -t 0 || echo none')" none "exec --tty=false: no terminal"
fails 'option "--force=maybe" takes no value but true and false' "delete --force=maybe" rt delete --force=maybe "$(cname gone)"
ok "delete --force=true of a running container" rt delete --force=true "$(cname gone)"
ok "... ends its process" eventually 10 test ! -e "/proc/$(cat "$work/b/gone/pid")/root/bin"

### exec's options, patterns, and what has no effect or is refused
create o1 "$(script 'exec sleep 1000')"
create o2 "$(script 'exec sleep 1000')"
rt start "$(cname o1)"; rt start "$(cname o2)"
exec_o() { rt exec "$@" </dev/null 2>&1; }
is "$(exec_o --user 1000:77 "$(cname o1)" sh -c 'id -u; id -g' | xargs)" "1000 77" "exec --user UID:GID"
without=$(exec_o "$(cname o1)" grep ^CapBnd /proc/self/status | cut -f 2)
with=$(exec_o --cap CAP_SYS_NICE --cap CAP_SYS_BOOT "$(cname o1)" grep ^CapBnd /proc/self/status | cut -f 2)
is $((0x$with)) $((0x$without | 1 << 22 | 1 << 23)) "exec --cap, twice"
is "$(exec_o --no-new-privs "$(cname o1)" grep ^NoNewPrivs /proc/self/status | xargs)" "NoNewPrivs: 1" "exec --no-new-privs"
rt pause "$(cname o1)"
(sleep 1; rt resume "$(cname o1)") &
is "$(exec_o --ignore-paused "$(cname o1)" echo awake)" awake "exec --ignore-paused waits for who lets it go on"
wait $!
[ ! -e /sys/fs/cgroup/memory/memory.kmem.tcp.limit_in_bytes ] || {
	rt update --kernel-memory-tcp 10m "$(cname o1)"
	is "$(cgroup_value "$(cat "$work/b/o1/pid")" memory memory.kmem.tcp.limit_in_bytes -)" 10485760 "update --kernel-memory-tcp"
}
for option in --rootless=auto --rootless=true "--criu /no/such" --systemd-cgroup=false --cgroup-manager=cgroupfs; do
	# shellcheck disable=SC2086
	is "$(rt $option list -q 2>&1 | grep -c "$(cname o)")" 2 "$option before the command has no effect"
done
(cd "$work/b/o1" && rt spec --file other.json && rt spec --rootless --file rootless.json)
is "$(json 'd["ociVersion"][0]' <"$work/b/o1/other.json") $(json 'd["ociVersion"][0]' <"$work/b/o1/rootless.json")" "1 1" "spec --file, --rootless"
if [ "$(basename "$engine_runtime")" = cloister ]; then # of crun's, which runc lacks, and what both have and we refuse
	fails 'own cgroup' "exec --cgroup is refused" exec_o --cgroup x "$(cname o1)" true
	[ -e /sys/kernel/security/apparmor ] || fails 'without AppArmor' "exec --apparmor where there is none" exec_o --apparmor x "$(cname o1)" true
	[ -e /sys/fs/selinux/enforce ] || fails 'SELinux is off' "exec --process-label where there is none" exec_o --process-label x "$(cname o1)" true
	fails 'resctrl' "update --mem-bw-schema is refused" rt update --mem-bw-schema MB:0=10 "$(cname o1)"
	ok "kill --regex PATTERN" rt kill --regex "$(cname o)[12]" KILL
	ok "... ends both" eventually 10 eval 'has_status o1 stopped && has_status o2 stopped'
	ok "delete --regex PATTERN" rt delete --regex "$(cname o)."
	is "$(rt list -q | grep -c "$(cname o)[12]")" 0 "... removes both"
fi
forget o1 o2

### Other forms of the same
bundle f "$(script 'exit 9')"
rt run --bundle="$work/b/f" --pid-file="$work/b/f/pid" "$(cname f)" </dev/null
is "$?" 9 "run --opt=value: the exit status of the process"
rt run -no-subreaper -b "$work/b/f" --no-pivot --no-new-keyring "$(cname f)" </dev/null
is "$?" 9 "single dashes, --no-pivot, --no-new-keyring"
bundle s "$(script 'kill -9 $$; exec sleep 1000')"
bundle d "$(script 'exec sleep 1000')"
# Its standard output is the container's for as long as that lives: not a pipe that we wait for.
rt run --detach --pid-file "$work/b/d/pid" -b "$work/b/d" "$(cname d)" </dev/null >/dev/null 2>&1
is $? 0 "run --detach --pid-file"
is "$(status_of d)" running "... runs"
forget d
like "$(rt --version)" 'version [0-9]' "--version: NAME version V, which dockerd parses"
case $(basename "$engine_runtime") in
cloister) like "$(rt --version)" '^commit: ' "... and commit: C" ;;
esac
fails '*' "checkpoint is refused" rt checkpoint none
case $(basename "$engine_runtime") in
cloister) for command in checkpoint restore; do fails 'cannot be checkpointed' "$command says why not" rt $command none; done ;;
esac
(cd "$work/b/f" && rt spec -b "$work" >/dev/null 2>&1)
is "$(json 'd["process"]["args"][0]' <"$work/config.json")" sh "spec writes a config.json"
rm -f "$work/config.json"
if [ "$(basename "$engine_runtime")" = cloister ]; then
	is "$(rt features | json '"user" in d["linux"]["namespaces"] and d["linux"]["mountExtensions"]["idmap"]["enabled"]')" true "features"
fi
is "$(cd / && env -i "$engine_runtime" --root "$oci_root" state none 2>&1 | grep -c 'does not exist')" 1 "works without an environment, as podman calls it"

done_testing
