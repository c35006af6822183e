#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The MUSTs of the runtime specification, each in a test's title ("runtime:" runtime.md, "config:"
# config.md and config-linux.md). "isolation:" titles are what other runtimes fail, "strict:" what Debian's
# runc 1.1 fails.
TEST_TIMEOUT=${TEST_TIMEOUT:-600}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
. "$tests_lib/oci.sh"
diag "runtime $engine_runtime"
script() { python3 -c 'import json, sys; print(json.dumps({"process": {"args": ["/bin/sh", "-c", sys.argv[1]]}}))' "$1"; }
try() { bundle "$1" "$2" && rt create --bundle "$work/b/$1" "$(cname "$1")" </dev/null >"$work/b/$1/out" 2>&1; }
# refused DESC PATCH [REGEX]: create fails, there is no container, and the machine is as before.
refused() {
	local desc=$1 patch=$2 regex=${3:-.}
	machine_now >"$work/now"
	if try no "$patch"; then
		fail "$desc"; diag "it was created"
		forget no
		return
	fi
	if ! grep -Eq -- "$regex" "$work/b/no/out"; then fail "$desc"; diag "$(cat "$work/b/no/out")"; return; fi
	fails '*' "$desc: no container" rt state "$(cname no)"
	if ! machine_now | diff "$work/now" - >"$work/diff" && ! { sleep 0.5; machine_now | diff "$work/now" - >"$work/diff"; }; then
		fail "$desc: the environment is as before"; diag "$(cat "$work/diff")"
	fi
}

### create
fails '*' "runtime: create without an ID is an error" rt create --bundle "$work"
fails '*' "runtime: create of a bundle that is not there is an error" rt create --bundle "$work/none" "$(cname x)"
mkdir -p "$work/b/empty"
fails '*' "runtime: create of a bundle without config.json is an error" rt create --bundle "$work/b/empty" "$(cname x)"
bundle id "$(script true)"
for id in ../up a/b '' .. 'a b' $'a\nb'; do
	fails '*' "runtime: the ID $(printf %q "$id") is an error" rt create --bundle "$work/b/id" "$id"
done
create one "$(script 'echo first; exec sleep 1000')"
is "$(status_of one)" created "runtime: after create the status is created"
fails 'already exists' "runtime: an ID that is taken is an error" rt create --bundle "$work/b/id" "$(cname one)"
is "$(status_of one)" created "... and the other container is untouched"
is "$(state one | json 'd["id"]')" "$(cname one)" "runtime: state has the id"
is "$(state one | json 'd["bundle"]')" "$work/b/one" "runtime: state has the bundle, absolute"
is "$(state one | json 'd["pid"]')" "$(cat "$work/b/one/pid")" "runtime: state has the pid in the runtime's pid namespace"
like "$(state one | json 'd["ociVersion"]')" '^1\.[0-9]+\.[0-9]+' "runtime: state has ociVersion"
bundle rel "$(script true)"
is "$(cd "$work/b/rel" && rt create "$(cname rel)" </dev/null >/dev/null 2>&1; state rel | json 'd["bundle"]')" "$work/b/rel" "runtime: the bundle is the working directory, made absolute"
forget rel
like "$(cat "/proc/$(cat "$work/b/one/pid")/comm")" 'cloister|crun|runc' "runtime: the user's program does not run before start"
sed -i 's/first/changed/; s/sleep 1000/sleep 2000/' "$work/b/one/config.json"
rt start "$(cname one)" >/dev/null 2>&1
running_one() { tr '\0' ' ' <"/proc/$(cat "$work/b/one/pid")/cmdline" | grep -q "sleep 1000"; }
ok "runtime: config.json is not read again after create" eventually 5 running_one
is "$(status_of one)" running "runtime: after start the status is running"
fails '*' "runtime: start of what is not created is an error" rt start "$(cname one)"
is "$(status_of one)" running "... without effect"
fails '*' "runtime: delete of what is not stopped is an error" rt delete "$(cname one)"
is "$(status_of one)" running "... without effect"
rt kill "$(cname one)" KILL
ok "runtime: kill sends the signal, and the status becomes stopped" eventually 10 has_status one stopped
fails '*' "runtime: kill of what is neither created nor running is an error" rt kill "$(cname one)" TERM
fails '*' "runtime: start of a stopped container is an error" rt start "$(cname one)"
is "$(status_of one)" stopped "... without effect"
: >"$work/b/one/mine"
ok "runtime: delete" rt delete "$(cname one)"
ok "runtime: delete removes the cgroups that create made" test -z "$(find /sys/fs/cgroup -type d -path "*cloister-test-$$-oci/one*")"
ok "runtime: delete does not remove what create did not make" test -e "$work/b/one/mine" -a -e "$work/rootfs/bin/sh"
fails 'does not exist' "runtime: state of a deleted container is an error" rt state "$(cname one)"
create one "$(script true)"
ok "runtime: an ID can be used again after delete" test "$(status_of one)" = created
rt kill "$(cname one)" KILL
ok "runtime: kill of a created container" eventually 10 has_status one stopped
forget one
for command in state start kill delete; do fails '*' "runtime: $command without an ID is an error" rt $command; done
create note "$(python3 -c 'import json; print(json.dumps({"annotations": {"org.test/a b": "ü\"x"}, "process": {"args": ["true"]}}))')"
is "$(state note | json 'd["annotations"]["org.test/a b"] == "ü\"x"')" true "runtime: state has the annotations"
forget note

### Hooks
cat >"$work/hook" <<'END'
#!/bin/bash
# hook FILE NAME [sleep|fail|talk]
echo "$2 arg0=$0 env=$(tr '\0' ' ' <"/proc/$$/environ") mnt=$(readlink /proc/self/ns/mnt) net=$(readlink /proc/self/ns/net) state=$(cat)" >>"$1"
case ${3:-} in talk) printf '%4000s' '' >&2; echo "hook says why" >&2; exit 3 ;; fail) echo "hook says no" >&2; exit 3 ;; sleep) exec sleep 30 ;; esac
exit 0
END
chmod 755 "$work/hook"
cat >"$work/rootfs/hook" <<'END'
#!/bin/sh
echo "$1 state=$(cat) pid=$$ ns=$(readlink /proc/self/ns/pid)" >>/tmp/hooks
[ "${2:-}" != fail ] || exit 3
END
chmod 755 "$work/rootfs/hook"
: >"$work/hooks"
chmod 666 "$work/hooks"
hook() { printf '{"path": "%s", "args": ["other-name", "%s", "%s", "%s"], "env": ["ONLY=this"]%s}' "$work/hook" "$work/hooks" "$1" "${2:-}" "${3:-}"; }
hooks="{\"process\": {\"args\": [\"/bin/sh\", \"-c\", \"echo program >>/tmp/hooks\"]}, \"hooks\": {
	\"prestart\": [$(hook prestart-1), $(hook prestart-2)], \"createRuntime\": [$(hook createRuntime)],
	\"createContainer\": [$(hook createContainer)],
	\"startContainer\": [{\"path\": \"/hook\", \"args\": [\"h\", \"startContainer\"], \"env\": [\"PATH=/bin\"]}],
	\"poststart\": [$(hook poststart)], \"poststop\": [$(hook poststop-1), $(hook poststop-2)]}}"
rm -f "$work/rootfs/tmp/hooks"
create h "$hooks" || diag "$(cat "$work/b/h/out")"
is "$(cut -d ' ' -f 1 "$work/hooks" | tr '\n' ' ')" "prestart-1 prestart-2 createRuntime createContainer " \
	"strict: runtime: create calls prestart, createRuntime, createContainer, each in the listed order, and no other"
ok "runtime: startContainer is not called by create" test ! -e "$work/rootfs/tmp/hooks"
pid=$(cat "$work/b/h/pid")
line() { grep "^$1 " "$work/hooks"; }
for name in prestart-1 createRuntime; do
	like "$(line $name)" "mnt=$(readlink /proc/self/ns/mnt | sed 's/[][]/\\&/g')" "runtime: $name runs in the runtime's namespaces"
	is "$(line $name | sed 's/.*state=//' | json 'd["pid"]')" "$pid" "runtime: $name has the state on standard input, with the pid"
	like "$(line $name | sed 's/.*state=//' | json 'd["status"]')" '^creat' "... and its status"
	is "$(line $name | sed 's/.*state=//' | json 'd["bundle"]')" "$work/b/h" "... and the bundle"
done
unlike "$(line createContainer)" "mnt=$(readlink /proc/self/ns/mnt | sed 's/[][]/\\&/g')" "runtime: createContainer runs in the container's mount namespace"
like "$(line createContainer)" "net=$(readlink "/proc/$pid/ns/net" | sed 's/[][]/\\&/g')" "... and network namespace"
like "$(line prestart-1)" 'ONLY=this' "config: a hook's env"
unlike "$(line prestart-1)" 'HOME=|PATH=/' "config: a hook has no other environment"
ok "start" rt start "$(cname h)"
is "$(line poststart | wc -l)" 1 "runtime: poststart is called before start returns"
ok "the program has run" eventually 10 has_status h stopped
is "$(cut -d ' ' -f 1 "$work/rootfs/tmp/hooks" | tr '\n' ' ')" "startContainer program " "runtime: startContainer is called before the user's program"
like "$(head -n 1 "$work/rootfs/tmp/hooks")" "\"id\": ?\"$(cname h)\"" "... in the container, with the state on standard input"
is "$(line poststop-1)" "" "runtime: poststop is not called before delete"
ok "delete" rt delete "$(cname h)"
is "$(grep -o '^poststop-[12]' "$work/hooks" | tr '\n' ' ')" "poststop-1 poststop-2 " "runtime: poststop is called before delete returns, in the listed order"
like "$(line poststop-1 | sed 's/.*state=//' | json 'd["status"]')" stopped "... with the status stopped"
for kind in prestart createRuntime createContainer; do
	: >"$work/hooks"
	refused "runtime: $kind that fails stops the container" \
		"{\"hooks\": {\"$kind\": [$(hook failing fail), $(hook second)], \"poststop\": [$(hook poststop)]}}" '[hH]ook|exit status|says no'
	is "$(grep -c ^second "$work/hooks")" 0 "... and the next one is not called"
done
refused "runtime: of a hook that says much the error has the end" "{\"hooks\": {\"prestart\": [$(hook failing talk)]}}" 'hook says why'
: >"$work/hooks"
start=$EPOCHREALTIME
refused "config: a hook's timeout ends it with an error" "{\"hooks\": {\"prestart\": [$(hook slow sleep ', "timeout": 1')]}}"
below "$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')" 15 "... in time"
: >"$work/hooks"
create ph "{\"process\": {\"args\": [\"true\"]}, \"hooks\": {\"poststop\": [$(hook failing fail), $(hook second)]}}"
rt start "$(cname ph)"
eventually 10 has_status ph stopped
ok "runtime: poststop that fails is a warning" rt delete "$(cname ph)"
is "$(grep -c ^second "$work/hooks")" 1 "strict: runtime: ... and the remaining hooks are called"
# Who shares its user namespace could find the host's mounts in one that the hook has power over.
cat >"$work/hook-mount" <<'END'
#!/bin/bash
mount -t tmpfs none /mnt 2>/dev/null && echo "$2 may" >>"$1" || echo "$2 may not" >>"$1"
END
chmod 755 "$work/hook-mount"
: >"$work/hooks"
mounting() { printf '"hooks": {"createContainer": [{"path": "%s", "args": ["h", "%s", "%s"], "env": ["PATH=%s"]}]}' "$work/hook-mount" "$work/hooks" "$1" "$PATH"; }
create one "{\"process\": {\"args\": [\"/bin/sleep\", \"1000\"]}, $(mounting alone)}"
create two "{\"linux\": {\"namespaces\": [{\"type\": \"mount\"}, {\"type\": \"pid\"}, {\"type\": \"uts\"}, {\"type\": \"network\"}, {\"type\": \"ipc\", \"path\": \"/proc/$(cat "$work/b/one/pid")/ns/ipc\"}]}, $(mounting joined)}" ||
	diag "$(cat "$work/b/two/out")"
is "$(head -n 1 "$work/hooks")" "alone may" "createContainer has power over its mount namespace"
! engine_is_cloister || is "$(tail -n 1 "$work/hooks")" "joined may not" "isolation: but not where it shares the user namespace of another container"
forget two
forget one
create sh '{"process": {"args": ["/bin/sleep", "1000"]}, "hooks": {"startContainer": [{"path": "/hook", "args": ["h", "no", "fail"]}]}}'
fails '*' "strict: runtime: startContainer that fails makes start fail" rt start "$(cname sh)"
ok "... and the container is not running" eventually 10 has_status sh stopped
forget sh
refused "config: a hook's path is absolute" '{"hooks": {"prestart": [{"path": "bin/true"}]}}'

### Values that are refused: an error, no container, nothing changed
refused "strict: config: ociVersion is a version" '{"ociVersion": "one"}'
refused "config: root.path exists" '{"root": {"path": "/no/such/root"}}'
refused "config: cwd is absolute" '{"process": {"cwd": "tmp"}}'
refused "config: args are there" '{"process": {"args": []}}'
refused "config: duplicate namespaces" '{"linux": {"+namespaces": [{"type": "pid"}]}}'
refused "config: a namespace path of the wrong type" '{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "/proc/self/ns/uts"}]}}'
refused "config: an unknown namespace type" '{"linux": {"+namespaces": [{"type": "colour"}]}}'
refused "config: an unknown rlimit" '{"process": {"rlimits": [{"type": "RLIMIT_FUN", "soft": 1, "hard": 1}]}}'
refused "config: a sysctl that has no namespace" '{"linux": {"sysctl": {"kernel.version": "1"}}}' 'kernel.version'
refused "config: a bind whose source is not there" '{"+mounts": [{"destination": "/x", "type": "bind", "source": "/no/such", "options": ["bind"]}]}'
refused "config: a program that is not there" '{"process": {"args": ["/no/such"]}}' 'no such file|not found'
refused "isolation: a mapping to the host's root" '{"linux": {"+namespaces": [{"type": "user"}], "uidMappings": [{"containerID": 0, "hostID": 0, "size": 65536}], "gidMappings": [{"containerID": 0, "hostID": 0, "size": 65536}]}}'
refused "isolation: the host's pid namespace" '{"linux": {"namespaces": [{"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"}]}}'

### Values that are read back from inside
inside() { run_in "$@"; forget "$1"; }
is "$(inside v '{"process": {"user": {"uid": 1000, "gid": 1001, "additionalGids": [5, 6], "umask": 63}}}' 'id -u; id -g; id -G; umask' | tr '\n' ' ')" \
	"1000 1001 1001 5 6 0077 " "config: user, additionalGids, umask"
is "$(inside v '{"process": {"user": {"uid": 0, "gid": 0, "additionalGids": [6, 0, 5, 6, 0]}}}' 'grep ^Groups: /proc/self/status' | xargs)" "Groups: 0 5 6" "strict: config: additionalGids, each once"
is "$(inside v '{"hostname": "h1", "domainname": "d1"}' 'hostname; cat /proc/sys/kernel/domainname' | tr '\n' ' ')" "h1 d1 " "strict: config: hostname, domainname"
is "$(inside v '{"process": {"cwd": "/tmp/made/here", "user": {"uid": 1000, "gid": 1000}}, "root": {"readonly": true}, "+mounts": [{"destination": "/tmp", "type": "tmpfs", "source": "t"}]}' \
	'pwd; stat -c "%u %a" .; stat -c %a /tmp; grep -c "^t /tmp tmpfs" /proc/mounts' | tr '\n' ' ')" "/tmp/made/here 0 755 1777 1 " \
	"config: a cwd that is not there is made, root's, on a tmpfs too, which has the permissions of what it covers, and its source's name"
is "$(inside v '{"process": {"cwd": "/only/here"}, "root": {"readonly": true}}' 'pwd')" "/only/here" "... and below a read-only root"
rm -rf "$work/rootfs/only"
is "$(inside v '{"+mounts": [{"destination": "/root", "type": "tmpfs", "source": "t"}, {"destination": "/mnt", "type": "tmpfs", "source": "t", "options": ["mode=0751"]}]}' \
	'stat -c %a /root /mnt' | tr '\n' ' ')" "$(stat -c %a "$work/rootfs/root") 751 " "config: the permissions of a tmpfs"
# Podman's -v DIR:/x:O
mkdir -p "$work"/layers/{low,up,wk}
echo low >"$work/layers/low/of-1000"; chown 1000:1000 "$work/layers/low/of-1000"
overlay() { printf '{"+mounts": [{"destination": "/mnt", "type": "overlay", "source": "o", "options": ["lowerdir=%s", "upperdir=%s", "workdir=%s", "private"]}]}' "$1" "$2" "$work/layers/wk"; }
is "$(inside v "$(overlay "$work/layers/low" "$work/layers/up")" 'cat /mnt/of-1000; stat -c %u /mnt/of-1000; echo new >/mnt/new; rm /mnt/of-1000; ls /mnt' | tr '\n' ' ')" "low 1000 new " \
	"config: a mount of type overlay, with its owners"
is "$(stat -c %u "$work/layers/up/new"; ls "$work/layers/low")" $'0\nof-1000' "... what is written is in its upper layer"
rm -rf "$work/layers/wk/work"
refused "isolation: an overlay whose lower layer is restricted" "$(overlay /etc "$work/layers/up")" 'restricted host mount'
refused "isolation: ... or the upper one" "$(overlay "$work/layers/low" /etc/ssh)" 'restricted host mount|/etc/ssh'
refused "isolation: ... or one of several" "$(overlay "$work/layers/low:/etc" "$work/layers/up")" 'restricted host mount'
is "$(inside v '{"process": {"cwd": "/tmp", "env": ["PATH=/bin", "A=b c"]}}' 'pwd; echo "$A"' | tr '\n' ' ')" "/tmp b c " "config: cwd, env"
is "$(inside v '{"process": {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 70, "hard": 80}]}}' 'ulimit -Sn; ulimit -Hn' | tr '\n' ' ')" "70 80 " "config: rlimits, both exactly"
is "$(inside v '{"process": {"oomScoreAdj": 321}}' 'cat /proc/self/oom_score_adj')" 321 "config: oomScoreAdj"
is "$(inside v '{"process": {"noNewPrivileges": true}}' "sed -n 's/^NoNewPrivs:.//p' /proc/self/status")" 1 "config: noNewPrivileges"
is "$(inside v '{"process": {"capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]}}}' "sed -n 's/^Cap\(Eff\|Bnd\|Inh\):.//p' /proc/self/status" | sort | tr '\n' ' ')" \
	"0000000000000000 0000000000000020 0000000000000020 " "config: capabilities, each set"
is "$(inside v '{"root": {"readonly": true}}' 'touch /x 2>&1')" "touch: /x: Read-only file system" "config: root.readonly"
is "$(inside v '{"+mounts": [{"destination": "/mnt", "type": "tmpfs", "source": "t"}, {"destination": "/mnt/in", "type": "tmpfs", "source": "t", "options": ["ro", "size=1m"]}]}' 'touch /mnt/x; touch /mnt/in/x 2>&1; df -k /mnt/in | tail -n 1 | tr -s " " | cut -d " " -f 2' | tr '\n' ' ')" \
	"touch: /mnt/in/x: Read-only file system 1024 " "config: mounts in the listed order, with options and data"
mkdir -p "$work/src/sub"
: >"$work/src/f"
flags() { inside v "{\"+mounts\": [{\"destination\": \"/m\", \"type\": \"bind\", \"source\": \"$work/src\", \"options\": [\"bind\"$1]}]}" 'grep " /m " /proc/mounts'; }
like "$(flags ', "nosuid", "nodev", "noexec", "noatime"')" ' rw,nosuid,nodev,noexec,noatime' "config: nosuid nodev noexec noatime"
like "$(flags ', "ro"')" ' /m [a-z0-9.]+ ro,' "config: ro of a bind"
like "$(flags ', "rbind", "rro"')" ' /m [a-z0-9.]+ ro,' "config: rro"
is "$(inside v '{"linux": {"sysctl": {"net.ipv4.ip_default_ttl": "77", "kernel.shmmni": "99"}}}' 'cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/shmmni' | tr '\n' ' ')" "77 99 " "config: sysctl"
is "$(inside v '{"linux": {"+maskedPaths": ["/etc/passwd", "/home"]}}' 'wc -c </etc/passwd; ls /home | wc -l; touch /home/x 2>&1 | grep -c Read-only' | grep -v 'warning: linux' | tr '\n' ' ')" "0 0 1 " "config: maskedPaths"
is "$(inside v '{"linux": {"+readonlyPaths": ["/etc"]}}' 'touch /etc/x 2>&1' | grep -v 'warning: linux')" "touch: /etc/x: Read-only file system" "config: readonlyPaths"
is "$(inside v '{}' 'for f in null zero full random urandom tty; do test -c /dev/$f || echo no $f; done; for f in fd stdin stdout stderr; do readlink /dev/$f; done' | tr '\n' ' ')" \
	"/proc/self/fd /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 " "config: the default devices and links"
is "$(inside v '{"unknown": {"property": 1}, "linux": {"future": true}}' 'echo runs')" runs "config: unknown properties are ignored"
like "$(inside v '{"linux": {"resources": {"memory": {"limit": 67108864}, "pids": {"limit": 40}}, "+namespaces": [{"type": "cgroup"}]}}' 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max 2>/dev/null' | tr '\n' ' ')" \
	'^67108864 40 ' "config: resources, seen from inside"
is "$(inside v '{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 78}]}}}' 'mkdir /tmp/d 2>&1')" \
	"mkdir: can't create directory '/tmp/d': Remote address changed" "config: seccomp with errnoRet"
like "$(inside v '{"linux": {"+namespaces": [{"type": "user"}], "uidMappings": [{"containerID": 0, "hostID": 500000, "size": 65536}], "gidMappings": [{"containerID": 0, "hostID": 500000, "size": 65536}]}}' 'cat /proc/self/uid_map' | tr -s ' ')" \
	'^ 0 500000 65536' "config: sane mappings are kept"
unlike "$(inside v '{}' 'cat /proc/self/uid_map')" '^ *0 +0 ' "isolation: a user namespace without asking"
like "$(inside v '{"linux": {"personality": {"domain": "LINUX32"}}}' 'uname -m')" '^i[36]86$' "strict: config: personality"

done_testing
