#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The sysctls of a container: the whole table, real programs, what the host shares, and who may set what.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
root=$work/root
make_root "$root"
root2=$root # the neighbour's; of its ids where the kernel cannot map them
have idmap || { root2=$work/root2; cp -a "$root" "$root2"; shift_owners "$root2" 165536; shift_owners "$root"; }
need_containers --rootfs "$root"
name=$(cname sysctls) other=$(cname beside)
inside() { cloister exec "$name" "$@" </dev/null; }
beside() { cloister exec "$other" "$@" </dev/null; }
value() { inside grep '' "/proc/sys/$1"; }

# A sysctl of the host that is put back, whatever happens: shared, and harmless for so short a time.
shared=fs.inotify.max_user_instances
file=/proc/sys/${shared//./\/}
had=$(cat "$file")
least=/proc/sys/fs/lease-break-time
least_had=$(cat $least)
put_back() {
	[ "$(cat "$file")" = "$had" ] || echo "$had" >"$file"
	[ "$(cat $least)" = "$least_had" ] || echo "$least_had" >$least
}
on_exit put_back
host() { cat "$file"; }
# until VALUE DESC: the host has it within 2 s
until_host() {
	local i
	for ((i = 0; i < 40; i++)); do [ "$(host)" = "$1" ] && break; sleep 0.05; done
	is "$(host)" "$1" "$2"
}

### The table and the manual page
names=$(cloister status --sysctl --json | python3 -c '
import json, sys
for s in json.load(sys.stdin)["sysctls"]: print(s["name"])')
page=$(sed 's/\\-/-/g' "$top_srcdir/doc/cloister-sysctl.5")
below 100 "$(wc -l <<<"$names")" "status --sysctl knows most of this kernel"
is "$(for n in $names; do case $n in /*) ;; *) [[ $page == *$n* ]] || echo "$n" ;; esac; done)" "" "cloister-sysctl(5) names every sysctl that status does"
is "$(cloister status --sysctl --json | python3 -c '
import json, sys
for s in json.load(sys.stdin)["sysctls"]:
    if "cap" in s: print(s["name"], s["policy"], s["cap"])' | while read -r n policy cap; do
	grep -qxE "${n//./\\.}\|$policy\|[0-9]+\|$cap" <<<"$page" || echo "$n"
done)" "" "and every cap"

### What is there, and what it reads as
launch_detached "$name" --rootfs "$root" -- sleep 1000 || { fail "a container starts"; done_testing; }
launch_detached "$other" --rootfs "$root2" -- sleep 1000
# In a plain user namespace: the same files with the same modes, but for those that are the table's to say,
# and those that a network namespace lacks. (-L: the kernel's own directories of network devices are symlinks.)
list='cd /proc/sys && find -L . -type f ! -path "./fs/binfmt_misc/*" ! -path "./net/ipv?/neigh/default/*" | sort'
inside sh -c "$list" >"$tap_dir/files"
unshare -Urnmpuif --mount-proc sh -c "$list" >"$tap_dir/plain"
is "$(comm -3 "$tap_dir/files" "$tap_dir/plain")" "" "the same files as in a plain user namespace ($(wc -l <"$tap_dir/files"))"
modes='cd /proc/sys && find -L . -type f ! -path "./fs/binfmt_misc/*" ! -path "./net/ipv?/neigh/default/*" -exec stat -L -c "%n %a" {} + | sort'
inside sh -c "$modes" >"$tap_dir/modes"
unshare -Urnmpuif --mount-proc sh -c "$modes" >"$tap_dir/plain"
like "$(diff "$tap_dir/modes" "$tap_dir/plain" | grep -c '^<')" '^([0-9]|[1-3][0-9])$' "with the same modes, but for constants"
# Linux 5.10 keeps fs/protected_* and one of AppArmor to the host's root (600); the container's are its own.
is "$(join "$tap_dir/modes" "$tap_dir/plain" | sed 's/^\.\///' | awk '$2 != $3 && $2 != 444 && $2 != 0 && $3 != 600 && !/^net/ && !/nmi_watchdog/ { print }')" "" "(only constants and hidden ones differ; the NMI watchdog is read-only where there is none)"
host_values=$(cd /proc/sys && cat kernel/pid_max vm/min_free_kbytes kernel/threads-max fs/file-nr kernel/random/boot_id 2>/dev/null)
for f in fs/file-nr fs/inode-state fs/dentry-state kernel/pty/nr net/ipv4/tcp_ehash_entries vm/min_free_kbytes kernel/threads-max; do
	[ -e /proc/sys/$f ] || continue
	ok "$f is not the kernel's" inside attack covered /proc/sys/$f
	fails '*' "$f: the kernel's file is not below it for a bind" inside sh -c "mkdir -p /tmp/b && mount --bind /proc/sys /tmp/b"
	break
done
for f in kernel/shmmax kernel/hostname net/core/somaxconn net/ipv4/ip_forward fs/mqueue/msg_max user/max_user_namespaces; do
	fails '*' "$f is the kernel's own" inside attack covered /proc/sys/$f
done
fails EACCES "a constant is not written, whatever one's capabilities" inside attack write-same /proc/sys/fs/file-nr
if inside test -e /proc/sys/net/core/rmem_max; then # older kernels have it in their first network namespace only
	inside sh -c 'echo 300000 >/proc/sys/net/core/rmem_default' 2>/dev/null
	is "$(value net/core/rmem_default)" 300000 "net.core.rmem_default, which the kernel shows but to read, is the container's own"
fi

if [ -e /sys/module/nf_conntrack/parameters/hashsize ]; then
	hash=/sys/module/nf_conntrack/parameters/hashsize hash_had=$(cat /sys/module/nf_conntrack/parameters/hashsize)
	ok "the hash size of connection tracking can be written" launch --privileged --rootfs "$root" -- sh -c "echo 4096 >$hash && grep -qx 4096 $hash && ! echo x >$hash"
	is "$(cat $hash)" "$hash_had" "and is the container's own"
fi

### Written as the kernel has it
inside sh -c 'echo 8192 >/proc/sys/vm/dirty_bytes'
is "$(value vm/dirty_ratio)" 0 "vm.dirty_bytes zeroes vm.dirty_ratio"
inside sh -c 'echo "|/bin/x %p" >/proc/sys/kernel/core_pattern'
is "$(value kernel/core_pattern)" "|/bin/x %p" "a string"
isnt "$(cat /proc/sys/kernel/core_pattern)" "|/bin/x %p" "which the host does not get"
inside sh -c 'echo 3 >/proc/sys/vm/drop_caches' && pass "vm.drop_caches is taken" || fail "vm.drop_caches is taken"
fails '*' "vm.drop_caches takes no 9" inside sh -c 'echo 9 >/proc/sys/vm/drop_caches'
server=$(cloister status --json "$name" | python3 -c '
import json, sys
print([h["pid"] for h in json.load(sys.stdin)["helpers"] if h["name"] == "cloister-fs"][0])')
kill -9 "$server"
is "$(value kernel/core_pattern)" "|/bin/x %p" "it survives the server"
is "$(value vm/dirty_bytes)" 8192 "and so does a number"
like "$(cloister status --sysctl "$name" | grep '^kernel.core_pattern ')" 'private +\|/bin/x %p +set;' "status shows it"

### What the host shares
is "$(value "${shared//./\/}")" "$had" "a shared one begins as the host's"
inside sh -c "echo $((had + 100)) >$file"
is "$(host)" $((had + 100)) "when the write returns the host has it"
beside sh -c "echo $((had + 300)) >$file"
is "$(host)" $((had + 300)) "the neighbour asks for more"
is "$(value "${shared//./\/}")" $((had + 100)) "which the first does not see"
beside sh -c "echo 1 >$file"
is "$(host)" $((had + 100)) "it asks for less: the first one's wish stays"
inside sh -c "echo 999999 >$file"
is "$(host)" 8192 "beyond the cap: the cap"
is "$(value "${shared//./\/}")" 999999 "but it reads what it wrote"
inside sh -c "echo $((had + 100)) >$file"
echo $((had + 50)) >"$file"
until_host $((had + 100)) "the host writes less than what is asked for: the extreme of both stays"
echo $((had + 500)) >"$file"
inside sh -c "echo $((had + 200)) >$file"
is "$(host)" $((had + 500)) "the host's own value, above all wishes, stays"
echo $((had + 7)) >"$file"
until_host $((had + 200)) "the host's own value is lowered again"
cloister delete --force "$name"
until_host $((had + 7)) "the container ends: taken back to the host's own value"
echo "$had" >"$file"

# Killed with everything that could take it back; stopped first, so that nobody sees another die.
kill_everything() {
	local pids
	pids=$(cloister status --json "$1" | python3 -c '
import json, sys
s = json.load(sys.stdin)
print(*[h["pid"] for h in s["helpers"]], s["pid"])')
	# shellcheck disable=SC2086
	kill -STOP $pids 2>/dev/null
	# shellcheck disable=SC2086
	kill -9 $pids
	eventually 5 sh -c "! grep -qs '^State:.[^ZX]' /proc/${pids##* }/status"
}
name=$(cname killed)
launch_detached "$name" --rootfs "$root" -- sleep 1000
free=$(inside attack count-inotify)
inside sh -c 'read -r n </proc/sys/vm/max_map_count && echo "$n" >/proc/sys/vm/max_map_count'
is "$(inside attack count-inotify)" $((free - 1)) "the host's value is watched at the container's expense"
inside sh -c "echo $((had + 400)) >$file"
is "$(host)" $((had + 400)) "a container asks"
kill_everything "$name"
cloister list >/dev/null
until_host "$had" "kill -9 of everything: taken back by the next command"
name=$(cname killed2)
launch_detached "$name" --rootfs "$root" -- sleep 1000
inside sh -c "echo $((had + 400)) >$file"
kill_everything "$name"
beside sh -c "echo 2 >$file"
is "$(host)" "$had" "or by another container's warden"
cloister delete --force "$name" 2>/dev/null

# At random, with the host among them and one killed with all that is its now and then; at each quiet moment
# the extreme stands.
cloister delete --force "$other"
until_host "$had" "nobody asks"
python3 "$tests_lib/sysctl-random.py" "${SYSCTL_SECONDS:-8}" "$file" "$state" "$(cname random)" "$root" "$root2" >"$tap_dir/random" 2>&1
like "$(tail -n 2 "$tap_dir/random" | head -n 1)" '^rounds ([7-9]|[0-9]{2,}), containers [0-9]+, right$' "two containers at random, the host among them: right at each quiet moment" || diag "$(cat "$tap_dir/random")"
diag "$(tail -n 2 "$tap_dir/random")"
until_host "$(awk '/^own/ { print $2 }' "$tap_dir/random")" "and the host's own value stands at the end"
echo "$had" >"$file"
# The other direction.
launch --rootfs "$root" -- sh -c "echo 20 >$least; while [ ! -e /tmp/seen ]; do sleep 0.1; done" </dev/null &
eventually 10 grep -qx 20 $least
is "$(cat $least)" 20 "the least of all that is asked"
touch "$root/tmp/seen"
wait $!
is "$(cat $least)" "$least_had" "and as before"

### Set at the start
out=$(launch --rootfs "$root" --sysctl vm.swappiness=11 --sysctl kernel/core_pattern=abc --sysctl net.ipv4.ip_default_ttl=77 --sysctl $shared=$((had + 9)) -- \
	sh -c "cat /proc/sys/vm/swappiness /proc/sys/kernel/core_pattern /proc/sys/net/ipv4/ip_default_ttl $file" </dev/null)
is "$(tr '\n' ' ' <<<"$out")" "11 abc 77 $((had + 9)) " "--sysctl: private, network, shared"
is "$(host)" "$had" "and the host is as before"
for bad in vm.swappiness=201 kernel.panic=moon kernel.core_modes=x fs.file-nr=1 no.such=1 kernel.pid_max=1000 vm.swappiness user.max_net_namespaces=1; do
	fails '*' "--sysctl $bad is refused" launch --rootfs "$root" --sysctl $bad -- true
done

fails "host's network namespace only" "--sysctl of what the kernel has for the host's network only says so" launch --rootfs "$root" --sysctl net.core.default_qdisc=fq -- true

### All that Sysbox emulates (release 0.7): here, the kernel's own, or known to be absent
# path, a value to write that is not there yet, or what it is instead
sysbox='fs/file-max 777777
fs/nr_open 1048640
fs/protected_hardlinks 1
fs/protected_symlinks 1
kernel/domainname native:domain
kernel/hostname native:hostile
kernel/dmesg_restrict 1
kernel/kptr_restrict 2
kernel/cap_last_cap reads
kernel/ngroups_max reads
kernel/panic 33
kernel/panic_on_oops 1
kernel/printk 5 4 1 7
kernel/sysrq 176
kernel/pid_max 40000
kernel/shmall native:123456
kernel/shmmax native:1234567
kernel/shmmni native:1234
kernel/random/uuid reads
kernel/yama/ptrace_scope 2
vm/overcommit_memory 1
vm/mmap_min_addr 65536
net/core/default_qdisc absent
net/core/somaxconn native:777
net/ipv4/ping_group_range native:0 1000
net/ipv4/vs/conntrack 1
net/ipv4/vs/conn_reuse_mode 0
net/ipv4/vs/expire_nodest_conn 1
net/ipv4/vs/expire_quiescent_template 1
net/ipv4/neigh/default/gc_thresh1 2048
net/ipv4/neigh/default/gc_thresh2 4096
net/ipv4/neigh/default/gc_thresh3 8192
net/netfilter/nf_conntrack_max 70000
net/netfilter/nf_conntrack_generic_timeout 601
net/netfilter/nf_conntrack_tcp_timeout_established 86400
net/netfilter/nf_conntrack_tcp_timeout_close_wait 3600
net/netfilter/nf_conntrack_tcp_be_liberal 1
net/unix/max_dgram_qlen native:777'
page=$(sed 's/\\-/-/g' "$top_srcdir/doc/cloister-sysctl.5")
name=$(cname sysbox)
launch_detached "$name" --privileged --rootfs "$root" -- sleep 1000
while read -r path value; do
	f=/proc/sys/$path sysctl=${path//\//.}
	if [ "$value" = absent ]; then
		fails '*' "$sysctl is not there, as in any network namespace" inside test -e "$f"
		[[ $page == *$sysctl* ]] && [[ $page == *"first network namespace"* ]] || fail "cloister-sysctl(5) says why $sysctl is not there"
		[ ! -e "$f" ] || like "$(cloister status --sysctl "$name" | grep "^$sysctl ")" 'no container has it' "and status says why"
	elif [ "$value" != "${value#native:}" ] && ! unshare -Urn --mount-proc -pf test -e "$f"; then
		# Before Linux 6.2 net/core/somaxconn and net/unix are there where the host's root owns the network namespace.
		fails '*' "$sysctl is not there, as in a plain user namespace" inside test -e "$f"
	elif ! inside test -e "$f"; then
		[ ! -e "$f" ] || fail "$sysctl is there as on the host"
		diag "this kernel has no $sysctl"
	elif [ "$value" = reads ]; then
		like "$(inside cat "$f")" . "$sysctl reads"
	elif [ "$value" != "${value#native:}" ] && [ "$(inside stat -c %u "$f")" != 0 ]; then # not the namespace's root's
		fails '*' "$sysctl is the kernel's own, to be read only as in any user namespace" inside attack covered "$f"
		like "$(inside cat "$f")" . "$sysctl reads"
	else
		before=$(cat "$f" 2>/dev/null)
		inside sh -c "echo '${value#native:}' >$f"
		is "$(inside cat "$f" | tr '\t' ' ')" "${value#native:}" "$sysctl is written and reads back"
		case $path in *conntrack_max) ;; *) is "$(cat "$f" 2>/dev/null)" "$before" "the host's $sysctl is untouched" ;; esac
		[ "$value" = "${value#native:}" ] || fails '*' "$sysctl is the kernel's own" inside attack covered "$f"
	fi
done <<<"$sysbox"
for d in config security debug tracing; do
	[ ! -d "/sys/kernel/$d" ] || is "$(inside ls "/sys/kernel/$d" | wc -l)" 0 "/sys/kernel/$d is an empty directory"
done
like "$(inside cat /sys/devices/virtual/dmi/id/product_uuid)" '^[0-9a-f-]{36}$' "product_uuid"
cloister delete --force "$name"

### What a network namespace lacks: the directory has the rest of the kernel's own, device by device
neigh=/proc/sys/net/ipv4/neigh
name=$(cname neigh)
host_solicit=$(cat $neigh/lo/ucast_solicit)
device=(--sysctl net.ipv4.neigh.lo.app_solicit=2)
unshare -Urn --mount-proc -pf test -e $neigh/lo/app_solicit || device=() # before Linux 5.18 it has none
launch_detached "$name" --privileged --rootfs "$root" --sysctl net.ipv4.neigh.default.gc_thresh3=5555 "${device[@]}" -- sleep 1000
is "$(inside cat $neigh/default/gc_thresh3)" 5555 "--sysctl sets what is ours"
if [ "${device[*]}" ]; then
	is "$(inside cat $neigh/lo/app_solicit)" 2 "and what is the kernel's"
	fails '*' "a device's own is the kernel's" inside attack covered $neigh/lo/ucast_solicit
	ok "the others are not" inside attack covered $neigh/default/gc_thresh1
	inside sh -c "echo 9 >$neigh/lo/ucast_solicit"
	is "$(inside cat $neigh/lo/ucast_solicit) $(cat $neigh/lo/ucast_solicit)" "9 $host_solicit" "and is written, in this namespace alone"
	fails EINVAL "what is the kernel's cannot be unmounted" inside attack umount $neigh/.kernel
	fails EINVAL "nor what covers it" inside attack umount $neigh
	is "$(inside ls $neigh | xargs)" "default lo" "one directory for each device"
	is "$(inside unshare -n sh -c "ls $neigh; cat $neigh/lo/ucast_solicit" | xargs)" "lo $host_solicit" "another network namespace has what the kernel shows there"
	inside unshare -mpf --mount-proc sh -c "echo 7 >$neigh/lo/ucast_solicit; echo 77 >$neigh/default/gc_thresh1"
	is "$(inside cat $neigh/lo/ucast_solicit $neigh/default/gc_thresh1 | xargs)" "7 77" "a new procfs has both"
	is "$(inside unshare -nmpf --mount-proc sh -c "ls -A $neigh; cat $neigh/lo/ucast_solicit" | xargs)" "lo $host_solicit" "one of another network namespace has that one's"
	if inside ip link add name one type ifb 2>/dev/null; then
		is "$(inside cat $neigh/one/ucast_solicit)" "$host_solicit" "a device that comes later is there at once"
		inside ip link set one name two
		is "$(inside sh -c "cd $neigh && echo * && cat two/ucast_solicit && ! test -e one" | xargs)" "default lo two $host_solicit" "renamed, under its new name alone"
		kill -9 "$(cloister status --json "$name" | json '[h["pid"] for h in d["helpers"] if h["name"] == "cloister-fs"][0]')"
		is "$(inside sh -c "cd $neigh && echo * && readlink two" | xargs)" "default lo two .kernel/two" "also for the next server"
		inside ip link delete two
		fails '*' "deleted, it is gone" inside ls -d $neigh/two
	fi
fi
cloister delete --force "$name"
fails '*' "--sysctl of a directory that this kernel lacks" launch --rootfs "$root" --sysctl net.ipv4.neigh.default.no_such=1 -- true

### What a module brings to a network namespace: its own files are passed through, the host's are ours
nf=/proc/sys/net/netfilter
name=$(cname netfilter) other=$(cname powerless)
launch_detached "$name" --privileged --rootfs "$root" -- sleep 1000
launch_detached "$other" --rootfs "$root2" -- sleep 1000
helper() { cloister status --json "$name" | json "[h[\"pid\"] for h in d[\"helpers\"] if h[\"name\"] == \"$1\"][0]"; }
is "$(inside ls -A $nf)" "$(unshare -Urnmpf --mount-proc ls -A $nf)" "the directory has what a network namespace has"
fails EINVAL "what covers it cannot be unmounted" inside attack umount $nf
if [ -d $nf/nf_log ]; then
	is "$(inside ls $nf/nf_log | wc -l)" "$(ls $nf/nf_log | wc -l)" "what no module brings is the kernel's own"
	fails '*' "as a part of it" inside attack covered $nf/nf_log/2
	fails EINVAL "and stays there" inside attack umount $nf/nf_log
fi
is "$(python3 "$tests_lib/native-liar.py" "$(helper cloister-fs)" $$)" 'row EACCES
above ENOENT
above ENOENT
below ENOENT
directory EISDIR
absent ENOENT
name silence
row EACCES
host EACCES
nobody EACCES
what ENOTSUP
long silence
short silence
list True' "a server that was taken over gets nothing else of the warden"
if [ -e $nf/nf_conntrack_max ]; then
	had=$(cat $nf/nf_conntrack_generic_timeout)
	ok "a number of the host's is not the kernel's" inside attack covered $nf/nf_conntrack_max
	inside sh -c "echo 4321 >$nf/nf_conntrack_buckets; echo $((had + 5)) >$nf/nf_conntrack_generic_timeout"
	is "$(inside cat $nf/nf_conntrack_buckets $nf/nf_conntrack_generic_timeout | xargs)" "4321 $((had + 5))" "both are written (and read as busybox does, by sendfile)"
	is "$(cat $nf/nf_conntrack_generic_timeout)" "$had" "the host has its own"
	is "$(beside cat $nf/nf_conntrack_generic_timeout)" "$had" "so has the neighbour"
	fails EACCES "who has no CAP_NET_ADMIN writes none" beside attack write-same $nf/nf_conntrack_generic_timeout
	fails '*' "nor does another user namespace's root" inside unshare -r sh -c "echo 9 >$nf/nf_conntrack_generic_timeout"
	fails EACCES "nor anybody what is only to be read" inside attack write-same $nf/nf_conntrack_count
	like "$(inside sh -c "echo x >$nf/nf_conntrack_acct" 2>&1)" 'Invalid argument' "the kernel judges what is written"
	fails '*' "what is not there is not" inside test -e $nf/nf_no_such
	is "$(inside unshare -mpf --mount-proc cat $nf/nf_conntrack_buckets $nf/nf_conntrack_generic_timeout | xargs)" "4321 $((had + 5))" "a new procfs has both"
	is "$(inside unshare -nmpf --mount-proc sh -c "cat $nf/nf_conntrack_generic_timeout; attack covered $nf/nf_conntrack_generic_timeout || echo native" 2>/dev/null | xargs)" "$had native" "one of another network namespace has that one's, uncovered, for a runtime to write"
	for h in cloister-fs cloister-warden "its twin" cloister-warden; do
		kill -9 "$(helper "$h")"
		had=$((had + 1))
		is "$(inside sh -c "echo $had >$nf/nf_conntrack_generic_timeout; cat $nf/nf_conntrack_buckets $nf/nf_conntrack_generic_timeout" | xargs)" "4321 $had" "$h dies: nobody inside notices"
	done
fi
cloister delete --force "$name" >/dev/null
cloister delete --force "$other" >/dev/null

### What comes after the start
# A scan that does not see a directory, since something lies on it there, takes what is in it for late. The
# container has a procfs of its own, with nothing on it.
if grep -q ' cgroup2 ' /proc/self/mounts; then
	mkdir "$work/nothing"
	name=$(cname late)
	unshare -m --propagation private sh -c 'mount --bind "$0" /proc/sys/kernel/seccomp && exec cloister --root "$1" launch --privileged --detach --name "$2" --rootfs "$3" -- sleep 1000' \
		"$work/nothing" "$state" "$name" "$root" </dev/null >/dev/null
	late=/proc/sys/kernel/seccomp/actions_avail
	like "$(cat $late)" kill "(a sysctl that is the same for all)"
	ok "a sysctl that was not there at the start is listed" inside test -f $late
	fails 'Operation not permitted' "and cannot be read" inside cat $late
	fails 'Operation not permitted' "in a new procfs, user, mount and pid namespace neither" inside unshare -Urmpf --mount-proc cat $late
	is "$(inside sh -c 'cd /proc/sys; cat kernel/hostname user/max_uts_namespaces kernel/msgmax fs/mqueue/msg_max kernel/cap_last_cap net/ipv4/ip_forward kernel/panic vm/swappiness' | wc -l)" 8 "all others can"
	is "$(inside sh -c 'cd /proc/sys; echo 6 >kernel/panic; echo 2 >net/ipv4/conf/lo/rp_filter; echo 9 >user/max_uts_namespaces; cat kernel/panic net/ipv4/conf/lo/rp_filter user/max_uts_namespaces' | xargs)" "6 2 9" "and be written"
	cloister delete --force "$name" >/dev/null
else
	skip cgroup2 "sysctls that come after the start"
fi

### procps
if type -P sysctl >/dev/null && launch -- true </dev/null 2>/dev/null; then
	program() { launch "$@" </dev/null 2>&1; }
	# apart: what procps complains of would be in the middle of a line that it prints
	out=$(program -- sh -c 'sysctl -a 2>/tmp/said; cat /tmp/said')
	below 500 "$(wc -l <<<"$out")" "sysctl -a prints a machine's worth ($(wc -l <<<"$out") lines)"
	is "$(grep -cvE '^[^ ]+ = |permission denied' <<<"$out")" 0 "each with a value"
	is "$(grep 'permission denied' <<<"$out" | grep -vE "cad_pid|stable_secret|tcp_fastopen_key|usermodehelper|init_private")" "" "and nothing is denied that is not on a machine of one's own"
	is "$(program --privileged -- sysctl -w vm.swappiness=33 kernel.panic=5 net.ipv4.ip_forward=1)" "$(printf 'vm.swappiness = 33\nkernel.panic = 5\nnet.ipv4.ip_forward = 1')" "sysctl -w"
	out=$(program -- sh -c 'mkdir -p /etc/sysctl.d; printf "vm.max_map_count = 70000\nkernel.panic=0\nfs.protected_regular = 2\n-no.such.thing = 1\n" >/etc/sysctl.d/50-x.conf; sysctl --system && cat /proc/sys/kernel/panic /proc/sys/fs/protected_regular')
	like "$(tail -n 2 <<<"$out" | tr '\n' ' ')" '^0 2 $' "sysctl --system"
	if [ -x /lib/systemd/systemd-sysctl ]; then
		is "$(program -- sh -c 'mkdir -p /etc/sysctl.d; echo "kernel.panic=4" >/etc/sysctl.d/50-x.conf; /lib/systemd/systemd-sysctl; cat /proc/sys/kernel/panic' | tail -n 1)" 4 "systemd-sysctl"
	fi
else
	skip tool-sysctl "sysctl(8)"
fi
done_testing
