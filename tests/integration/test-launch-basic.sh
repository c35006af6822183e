#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `cloister launch` and its siblings as a shell user meets them.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
# shellcheck source=tests/lib/check-says.sh
. "$top_srcdir/tests/lib/check-says.sh"
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
root=$work/root
make_root "$root"
make_volume "$work/vol"
need_containers --rootfs "$root"
in_root() { launch --rootfs "$root" "$@"; }

### Exit statuses
for n in 0 1 7 255; do
	in_root -- sh -c "exit $n" </dev/null
	is $? $n "exit status $n is the command's"
done
for s in 2 9 15; do
	in_root -- sh -c "sh -c 'kill -$s \$\$'; exit \$?" </dev/null >"$tap_dir/sig" 2>&1
	is $? $((128 + s)) "a shell inside reports signal $s as a shell does"
done
(in_root --name "$(cname kill9)" -- sleep 1000 </dev/null >/dev/null 2>&1; echo $? >"$tap_dir/status") &
launched=$!
eventually 10 sh -c "command cloister --root '$state' list | grep -q '$(cname kill9)'"
sleep 0.3
cloister kill "$(cname kill9)" KILL
wait $launched
is "$(cat "$tap_dir/status")" 137 "128+n for a command killed by signal n"
in_root -- /no/such/command </dev/null 2>"$tap_dir/err"
is $? 127 "127 for a command that does not exist"
like "$(cat "$tap_dir/err")" '/no/such/command' "and it is named"
in_root -- /etc/passwd </dev/null 2>"$tap_dir/err"
is $? 126 "126 for a command that cannot be run"
ignoring() { python3 -IS -c 'import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execvp(sys.argv[1], sys.argv[1:])' "$@"; }
ignoring cloister --root "$state" launch --rootfs "$root" -- sh -c 'exit 7' </dev/null
is $? 7 "the command's for a caller, too, that ignores the ends of its children"
in_root --no-such-option -- true </dev/null 2>"$tap_dir/err"
is $? 125 "125 for wrong use"
in_root --rootfs /no/such/root -- true </dev/null 2>/dev/null
is $? 125 "125 when the container cannot be made"

# A machine with a file system of its own below /usr.
mkdir "$work/local"
mount --bind "$work/local" /usr/local
if have idmap; then
	is "$(launch -- sh -c 'test -d /usr/bin && touch /usr/local/x 2>&1' </dev/null 2>&1)" \
		"touch: cannot touch '/usr/local/x': Read-only file system" "/usr with a mount below it is shown, all of it read-only"
fi
umount /usr/local

# What hands do that know other tools.
bare() { command cloister "$@" </dev/null; }
is "$(bare 2>/dev/null; echo $?)" 125 "without a command it says on standard error how it is used"
like "$(bare 2>&1 >/dev/null)" '^Usage: cloister ' "... at length"
is "$(bare help; echo $?)" "$(bare --help; echo $?)" "help is --help"
is "$(bare help launch)" "$(bare launch --help)" "help COMMAND is COMMAND --help"
fails 'unknown command "lizt"; did you mean `cloister list`' "a command that is mistyped" bare lizt
fails 'unknown command "rm"; did you mean `cloister delete`' "... or another tool's" bare rm x
fails 'unknown command "frobnicate"; try `cloister --help`' "... or nobody's" bare frobnicate
full() { "$@" >/dev/full; }
for command in help list "list --json"; do
	# shellcheck disable=SC2086
	fails 'standard output: No space left' "$command tells when what it says is lost" full cloister $command
done
fails 'launch: option "-y" is unknown' "a letter that is no option is named" bare launch -ty -- true
like "$(launch -it --rm -m 64m -e A=b -u 7 -w /tmp -- sh -c 'echo $A $(id -u) $(pwd) $(grep ^MemTotal: /proc/meminfo)' </dev/null 2>&1)" \
	'^b 7 /tmp MemTotal: 65536 kB.?$' "Docker's letters"
ok "-d" launch -d --name "$(cname d)" -- sleep 1000
is "$(echo in | cloister exec -i "$(cname d)" -- cat)" in "exec -i NAME -- COMMAND"
is "$(cloister ps --json "$(cname d)" | json 'len(d)')" 1 "ps --json"
cloister delete --force "$(cname d)"

### What the command gets
is "$(in_root -- id -u </dev/null)" 0 "it is root inside"
is "$(in_root --user 1000:1000 -- sh -c 'id -u; id -g; id -G' </dev/null | tr '\n' ' ')" "1000 1000 1000 " "--user UID:GID"
is "$(in_root --user 1000 -- id -u </dev/null)" 1000 "--user UID"
is "$(LEAKED=1 in_root --env A=1 --env 'B=two words' -- sh -c 'echo "$A,$B,${LEAKED-}"' </dev/null)" "1,two words," \
	"--env, and nothing of the caller's environment"
is "$(in_root --workdir /var/tmp -- pwd </dev/null)" /var/tmp "--workdir"
is "$(cd /usr/lib && in_root -- pwd </dev/null)" / "the caller's directory does not leak in"
is "$(in_root --hostname cell -- hostname </dev/null)" cell "--hostname"
isnt "$(hostname)" cell "the host keeps its name"
is "$(in_root -- sh -c 'echo $$' </dev/null)" 1 "the command is process 1"
like "$(in_root -- ip link show lo </dev/null)" 'LOOPBACK,UP' "loopback is up"
is "$(in_root -- sh -c 'ls /sys/class/net' </dev/null)" lo "and alone"
for ns in user pid mnt net ipc uts cgroup time; do
	isnt "$(in_root -- readlink /proc/self/ns/$ns </dev/null)" "$(readlink /proc/self/ns/$ns)" "a $ns namespace of its own"
done

### Pipes and files
is "$(printf 'a\nb\n' | in_root -- cat | tail -n 1)" b "a pipe in, a pipe out"
is "$(in_root -- cat <"$root/etc/group" | md5sum)" "$(md5sum <"$root/etc/group")" "stdin from a file"
head -c 20000000 /dev/urandom >"$work/big"
is "$(in_root -- cat <"$work/big" | md5sum)" "$(md5sum <"$work/big")" "20 MB through a file and a pipe"
is "$(cat "$work/big" | in_root -- sh -c 'cat | cat' | md5sum)" "$(md5sum <"$work/big")" "20 MB through pipes both ways"
is "$(in_root -- sh -c 'echo out; echo err >&2' 2>/dev/null </dev/null)" out "stdout is stdout"
is "$(in_root -- sh -c 'echo out; echo err >&2' 2>&1 >/dev/null </dev/null)" err "stderr is stderr"
in_root -- yes </dev/null 2>/dev/null | head -n 1 >/dev/null
isnt "${PIPESTATUS[0]}" 0 "a closed pipe ends the command (PID 1 gets no SIGPIPE, but EPIPE)"
touch "$work/out"
chown 12:34 "$work/out"
in_root -- sh -c 'echo x' </dev/null >"$work/out" 2>&1
is "$(stat -c %u:%g "$work/out")" 12:34 "a file on stdout is not chowned"

### Root file system and volumes: owners
in_root -v "$work/vol:/vol" -- sh -c 'stat -c %u /vol/of-root /vol/of-1000 /vol/of-65534; touch /vol/new; chown 1000 /vol/new
	touch /made-inside; mkdir /made-dir' </dev/null >"$tap_dir/owners"
is "$(tr '\n' ' ' <"$tap_dir/owners")" "0 1000 65534 " "a volume's owners appear inside as on disk"
is "$(stat -c %u "$work/vol/new")" 1000 "and what is made inside is so on disk"
is "$(stat -c %u:%g "$root/made-inside" "$root/made-dir" | sort -u)" 0:0 "root's files in the root file system belong to 0 on disk"
fails '*' "a :ro volume cannot be written" in_root -v "$work/vol:/vol:ro" -- touch /vol/x
is "$(in_root -v "$work/vol:/new/deep/place" -- cat /new/deep/place/of-root </dev/null)" root "a missing mount point is made"
is "$(in_root -v "$work/vol/of-1000:/file" -- cat /file </dev/null)" user "a single file as a volume"
ok "--tmpfs is writable and the container's own" in_root --tmpfs /scratch -- sh -c \
	'touch /scratch/x && chown 1000 /scratch/x && grep -q " /scratch tmpfs " /proc/mounts && [ "$(stat -c %u /scratch)" = 0 ]'
fails '*' "--read-only" in_root --read-only -- touch /x
is "$(in_root --tmpfs /scratch:rw,noexec,size=2m,mode=700 -- sh -c 'stat -c %a /scratch; df -k /scratch | awk "NR == 2 { print \$2 }"; grep -c " /scratch tmpfs rw,.*noexec" /proc/mounts' </dev/null | tr '\n' ' ')" "700 2048 1 " "its options are Docker's"
ok "--read-only leaves --tmpfs writable" in_root --read-only --tmpfs /scratch -- touch /scratch/x
ok "/dev works" in_root -- sh -c 'echo x >/dev/null && [ "$(head -c 3 /dev/zero | wc -c)" = 3 ] && head -c 3 /dev/urandom >/dev/null &&
	[ -c /dev/full ] && [ -c /dev/tty ] && [ -e /dev/ptmx ] && [ -L /dev/fd ] && [ -L /dev/stdin ]'
ok "/dev/shm and /dev/mqueue" in_root -- sh -c 'touch /dev/shm/x && [ "$(stat -c %u /dev/shm/x)" = 0 ] && grep -q " /dev/mqueue mqueue " /proc/mounts'
is "$(in_root -- awk '$2 ~ "^/(proc|sys|dev)$|^/sys/fs/cgroup" { print $1 == $3 ? "ok" : $0 }' /proc/mounts </dev/null | sort -u)" ok \
	"programs that look for \"cgroup\" or \"proc\" at the beginning of a line of /proc/mounts find it"
is "$(umask 077 && launch --user 65534 -- sh -c 'cut -c1 /proc/version; echo x >/tmp/y && cat /tmp/y' </dev/null 2>&1 | tail -n 1)" x \
	"whatever the caller's umask is"
ok "without --rootfs the host's programs, a private /tmp, /root, /etc" launch -- sh -c \
	'! touch /usr/x 2>/dev/null && touch /tmp/x /root/x /etc/x && [ "$(stat -c %u /usr/bin)" = 0 ]'
fails '*' "and the host sees none of those files" ls /tmp/x /root/x /etc/x

### Limits
if have cgroup-memory; then
	launch_detached "$(cname mem)" --privileged --rootfs "$root" --memory 64M -- sleep 1000
	dir=$(cgroup_dir "$(init_pid "$(cname mem)")" memory)
	is "$(cat "$dir"/memory.max "$dir"/memory.limit_in_bytes 2>/dev/null)" 67108864 "--memory is in the cgroup"
	is "$(cloister exec "$(cname mem)" awk '/^MemTotal/ { print $2 }' /proc/meminfo </dev/null)" 65536 "and in meminfo"
	tell='for f in /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max; do [ ! -e $f ] || { cat $f; echo 128M >$f; cat $f; }; done'
	is "$(cloister exec "$(cname mem)" sh -c "$tell" </dev/null 2>/dev/null | xargs)" "67108864 67108864" "which root inside sees, and cannot raise"
	cloister delete --force "$(cname mem)"
	in_root --memory 32M -- attack hold-memory 128 </dev/null >/dev/null 2>&1
	is $? 137 "a command that takes more is killed"
else
	skip cgroup-memory "--memory"
fi
is "$(in_root --cpus 1 -- grep -c ^processor /proc/cpuinfo </dev/null)" 1 "--cpus 1 shows one CPU"
is "$(in_root --cpuset 0 -- awk '/^Cpus_allowed_list/ { print $2 }' /proc/self/status </dev/null)" 0 "--cpuset 0"
if have two-cpus; then
	is "$(in_root --cpuset 1 -- awk '/^Cpus_allowed_list/ { print $2 }' /proc/self/status </dev/null)" 1 "--cpuset 1"
else
	skip two-cpus "--cpuset 1"
fi
if have cgroup-pids; then
	like "$(in_root --pids 5 -- sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait' 2>&1 </dev/null)" "fork" "--pids 5 stops a fork bomb"
else
	skip cgroup-pids "--pids"
fi
if [ -e /sys/fs/cgroup/unified/cgroup.procs ] || [ -e /sys/fs/cgroup/cgroup.procs ]; then
	many='cd /sys/fs/cgroup/unified 2>/dev/null || cd /sys/fs/cgroup; echo max >cgroup.max.descendants; cat cgroup.max.descendants'
	is "$(in_root --privileged -- sh -c "$many" </dev/null 2>/dev/null)" 4096 "a container has no more than 4096 cgroups (v2)"
else
	skip cgroup-v2 "a container has no more than 4096 cgroups"
fi
if have cgroup-cpu; then
	launch_detached "$(cname cpu)" --rootfs "$root" --cpus 0.5 -- sleep 1000
	dir=$(cgroup_dir "$(init_pid "$(cname cpu)")" cpu)
	like "$(cat "$dir/cpu.max" "$dir/cpu.cfs_quota_us" 2>/dev/null)" '^50000( 100000)?$' "--cpus 0.5 is half of a period"
	cloister delete --force "$(cname cpu)"
fi

### What hands do that know other tools
printf '# a comment\n\nA=1 "2"\n  FROM_CALLER\nNOT_THERE\nEMPTY=\n' >"$work/env"
is "$(FROM_CALLER=x cloister launch --rootfs "$root" --env-file "$work/env" -e FROM_CALLER -e NOT_THERE -e A=3 -- sh -c 'echo "$A,$FROM_CALLER,${EMPTY-none},${NOT_THERE-none}"' </dev/null)" \
	"3,x,,none" "--env-file, and --env without a value"
is "$(in_root --env-file "$work/env" -- sh -c 'echo "$A,${FROM_CALLER-none}"' </dev/null)" '1 "2",none' "... nothing else is inherited or unquoted"
is "$(in_root -e PATH=/bin -e B=1 -e B=2 -- env </dev/null | grep -E '^(PATH|B)=' | sort | xargs)" "B=2 PATH=/bin" "of two of a name there is the last, alone"
echo 'a b=c' >"$work/env"
fails 'line 1: give KEY' "a bad line is named" in_root --env-file "$work/env" -- true
fails 'No such file' "a file of variables that is not there" in_root --env-file "$work/none" -- true
caps() { in_root "$@" -- sed -n 's/^CapEff:.//p' /proc/self/status </dev/null; }
is "$(caps)" 00000000a80425fb "the usual capabilities"
is "$(caps --cap-add net_admin --cap-drop CAP_CHOWN)" 00000000a80435fa "--cap-add and --cap-drop"
is "$(caps --cap-drop ALL --cap-add KILL)" 0000000000000020 "--cap-drop ALL but one"
is "$(caps --cap-drop ALL)" 0000000000000000 "--cap-drop ALL"
is "$(caps --cap-add ALL)" "$(caps --privileged)" "--cap-add ALL"
is "$(caps --privileged --cap-drop SYS_ADMIN)" "$(printf %016x $((16#$(caps --privileged) & ~(1 << 21))))" "--privileged but one"
fails 'NOPE.*NET_ADMIN' "a capability that is none" in_root --cap-add NOPE -- true
is "$(in_root --network none -- sh -c 'grep -c : /proc/net/dev' </dev/null)" 1 "--network none"
fails "can't share the host's network" "--network host says why not" in_root --network host -- true
fails 'an engine has networks' "another network too" in_root --network=bridge -- true
for option in "-p 80:80" "--init" "--image=busybox" "--device=/dev/kvm" "--machine=x"; do
	# shellcheck disable=SC2086
	fails 'option "[^"]*" is not there: .' "launch $option says what to do" launch $option true
done

### Detached: exec, kill, list, status, delete
name=$(cname detached)
ok "--detach returns" launch_detached "$name" --rootfs "$root" -v "$work/vol:/vol" -- sleep 1000
is "$(cloister exec "$name" sh -c 'echo hello; exit 5' </dev/null)" hello "exec prints"
cloister exec "$name" sh -c 'exit 5' </dev/null
is $? 5 "exec's status is the command's"
cloister exec "$name" /no/such </dev/null 2>/dev/null
is $? 127 "127 from exec"
is "$(echo in | cloister exec "$name" cat)" in "exec's stdin"
is "$(cloister exec "$name" sh -c 'for n in user pid mnt net ipc uts cgroup time; do
	[ "$(readlink /proc/self/ns/$n)" = "$(readlink /proc/1/ns/$n)" ] || echo $n; done' </dev/null)" "" "exec joins every namespace"
is "$(cloister exec "$name" grep -E '^(CapEff|CapBnd|Seccomp|NoNewPrivs)' /proc/self/status </dev/null)" \
	"$(cloister exec "$name" grep -E '^(CapEff|CapBnd|Seccomp|NoNewPrivs)' /proc/1/status </dev/null)" "with the same capabilities and filter"
is "$(cloister exec "$name" cut -d. -f1 /proc/uptime </dev/null | awk '{ print ($1 < 60) }')" 1 "and the same views"
like "$(cloister list)" "$name" "list shows it"
long=$(cname a-name-that-is-as-long-as-those-that-engines-give-to-containers)
launch_detached "$long" --rootfs "$root" -- sleep 1000
column() { awk -v n="$1" 'NR == 1 { at = index($0, n) } NR > 1 { print substr($0, at - 1, 1) (substr($0, at) ~ /^[0-9r]/) }' | sort -u; }
is "$(cloister list | column PID)$(cloister list | column STATUS)" " 1 1" "the columns of a table with a long name are below their heads"
cloister delete --force "$long"
like "$(cloister list --json | json 'json.dumps(d)')" "\"$name\"" "list --json is JSON"
status=$(cloister status "$name")
like "$status" '65536' "status shows the id range"
like "$status" '/vol' "each mount"
like "$status" 'uptime' "the emulated files"
like "$status" 'cloister-(fs|warden)' "the helpers"
like "$(cloister status "$name" --json | json 'json.dumps(d)')" '65536' "status --json is JSON"
ok "status of all" cloister status
ok "check" cloister check
fails '"/none": No such file' "exec of a file that is not there: named once" cloister exec --process /none "$name"
fails '"/none": No such file' "... update too" cloister update --resources /none "$name"
echo '{' >"$work/half.json"
fails 'half.json":2:0: ' "... what is wrong in a file, by its place" cloister update --resources "$work/half.json" "$name"
fails '--regex: .*missing' "a regular expression that is none: of which option" cloister kill --regex '['
check_says
like "$status" 'running, pid [0-9]+, for [0-9]{1,2}s$' "status shows the age,"
like "$status" '^ +/vol +idmapped +/.*\(ID-mapped mount\)' "and how the owners in a mount are shifted, and why"
fails '*' "delete without --force refuses a living container" cloister delete "$name"
like "$(cloister exec "$name" echo alive </dev/null)" alive "and it lives on"
ok "kill TERM is delivered" cloister kill "$name" KILL
eventually 3 sh -c "! kill -0 $(init_pid "$name") 2>/dev/null" || :
cloister delete --force "$name" 2>/dev/null
unlike "$(cloister list)" "$name" "delete removes it"
fails '*' "a deleted container is unknown" cloister status "$name"
name=$(cname again)
launch_detached "$name" --rootfs "$root" -- sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
cloister kill "$name" TERM
eventually 3 sh -c "command cloister --root '$state' delete '$name' 2>/dev/null" || cloister delete --force "$name"
nothing_left "after delete nothing is left"
rm -f "$root/made-inside"

### Without root: nothing that fails says that it worked
cp "$top_builddir/src/cloister" "$work/cloister"; chmod 755 "$work" "$work/cloister"
for command in "launch -- true" "exec x true" list status "reload --all" "reload x" "kill --regex x" "delete --force x" "state x" \
	"start x" "events x" "policy test" docker-setup; do
	# shellcheck disable=SC2086
	out=$(cd / && setpriv --reuid 65534 --regid 65534 --clear-groups "$work/cloister" $command 2>&1 </dev/null)
	like "$? $out" '^[1-9][0-9]* cloister: needs root privileges' "$command without root is refused"
done
rm "$work/cloister"

### Built in a home, which nobody else may enter: also where those look that have no rights
mkdir -p "$work/home"/{src,fusefs,shiftfs-fallback} "$work/shared"
cp "$top_builddir"/src/cloister{,-warden} "$work/home/src/"
cp "$top_builddir/fusefs/cloister-fs" "$work/home/fusefs/"; cp "$top_builddir/shiftfs-fallback/shiftfs" "$work/home/shiftfs-fallback/"
chown -R 1000:1000 "$work/home"; chmod 700 "$work/home"
at_home() { (cd / && "$work/home/src/cloister" --root "$state" "$@"); }
name=$(cname home)
ok "programs in a home of mode 700 launch a container" at_home launch -d --name "$name" -v "$work/shared:/shared:shiftfs" -- sleep 60
below "$(at_home exec "$name" cut -d . -f 1 /proc/uptime)" 59 "with views"
ok "and shiftfs" at_home exec "$name" touch /shared/made
is "$(cat "/proc/$(at_home status "$name" | awk '$1 == "cloister-fs" { print $3 }')/comm")" cloister-fs "the server has its name"
ok "reload finds them as well" at_home reload "$name"
below "$(at_home exec "$name" cut -d . -f 1 /proc/uptime)" 59 "and views go on"
at_home delete --force "$name"

### A host with something over its /usr, as systemd-sysext lays it: the layers have no name there
mkdir -p "$work/extension/share/of-the-extension"
extended() { unshare -m sh -c 'mount -t overlay -o "ro,lowerdir=$1:/usr" overlay /usr && shift && "$@"' sh "$work/extension" "$@"; }
if extended true 2>/dev/null; then
	is "$(extended cloister --root "$state" launch -- sh -c 'ls /usr/share | grep of-the; ls /usr/bin/env' 2>&1 </dev/null | tr '\n' ' ')" \
		"of-the-extension /usr/bin/env " "launch where an overlay lies over /usr: its view is part of the container's"
else
	skip overlay "launch where an overlay lies over /usr"
fi
done_testing
