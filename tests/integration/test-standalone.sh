#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cloister-fs alone: the views of a container that runc, LXC, systemd-nspawn or Podman made, by bind mounts,
# as lxcfs users do it, and by a line of fstab.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate fuse; gate tool-busybox; gate tool-runc; gate tool-python3
root=$work/root
make_root "$root"
group=t$$-alone
mnt=$work/views
mkdir "$mnt" "$work/other"
chmod 755 "$work"

# A cgroup as an administrator makes it: 64 MiB, one CPU's time.
hierarchies() { find /sys/fs/cgroup -maxdepth 2 -name cgroup.procs -printf '%h\n'; }
remove_groups() { hierarchies | while read -r h; do find "$h/$group" -depth -type d -exec rmdir {} \; 2>/dev/null; done; }
on_exit remove_groups
hierarchies | while read -r h; do
	[ "$h" != /sys/fs/cgroup ] || echo "+memory +cpu +pids" >"$h/cgroup.subtree_control" 2>/dev/null
	mkdir "$h/$group" || continue
	for f in cpuset.cpus cpuset.mems; do [ ! -e "$h/$group/$f" ] || cat "$h/$f" >"$h/$group/$f"; done
	[ ! -e "$h/$group/memory.limit_in_bytes" ] || echo 64M >"$h/$group/memory.limit_in_bytes"
	[ ! -e "$h/$group/memory.max" ] || echo 64M >"$h/$group/memory.max"
	[ ! -e "$h/$group/cpu.cfs_quota_us" ] || echo 100000 >"$h/$group/cpu.cfs_quota_us"
	[ ! -e "$h/$group/cpu.max" ] || echo "100000 100000" >"$h/$group/cpu.max"
done 2>/dev/null
gone() { ! pgrep -f "^cloister-fs .*$1" >/dev/null; }
is_mounted() { grep -q " $1 .* fuse.cloister-fs " /proc/self/mountinfo; }

### By a cgroup
ok "cloister-fs --cgroup" timeout 10 cloister-fs --cgroup "/$group" "$mnt"
on_exit umount -ql "$mnt"
ok "is mounted when it returns" is_mounted "$mnt"
is "$(awk '/^MemTotal/ { print $2 }' "$mnt/proc/meminfo")" 65536 "the cgroup's memory limit"
is "$(grep -c ^processor "$mnt/proc/cpuinfo") $(cat "$mnt/sys/devices/system/cpu/online")" "1 0" "the cgroup's CPU quota"
is "$(stat -c '%s %a %u' "$mnt/proc/meminfo")" "0 444 0" "size, mode and owner"
mapfile -t servers < <(pgrep -f "^cloister-fs .*$mnt")
is "${#servers[@]}" 2 "a keeper and a server"
for p in "${servers[@]}"; do
	like "$(grep -E '^(Uid|CapEff|CapPrm|CapBnd|NoNewPrivs)' "/proc/$p/status" | tr -s '\t\n' ' ')" \
		'^Uid: 4294967293 4294967293 4294967293 4294967293 CapPrm: 0+ CapEff: 0+ CapBnd: 0+ NoNewPrivs: 1' "no privilege left in $p"
done
is "$(awk '/^Seccomp:/ { print $2 }' "/proc/${servers[1]}/status")" 2 "the server has its filter"

### In a container of runc
cat >"$work/bundle.py" <<'E'
import json, subprocess, sys
bundle, root, mnt, group, args = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]
subprocess.run(["runc", "spec", "-b", bundle], check=True)
c = json.load(open(bundle + "/config.json"))
c["root"] = {"path": root, "readonly": True}
c["process"]["args"], c["process"]["terminal"] = args, False
c["linux"]["cgroupsPath"] = "/" + group + "/c"
c["linux"].pop("seccomp", None)
for f in ("proc/uptime", "proc/meminfo", "proc/cpuinfo", "proc/stat", "sys/devices/system/cpu/online") if mnt != "-" else ():
    c["mounts"].append({"destination": "/" + f, "source": mnt + "/" + f, "type": "bind", "options": ["bind"]})
json.dump(c, open(bundle + "/config.json", "w"))
E
runc() { command runc --root "$work/runc" "$@"; }
mkdir "$work/b1" "$work/b2"
python3 "$work/bundle.py" "$work/b1" "$root" "$mnt" "$group" /bin/sh -c 'grep MemTotal /proc/meminfo; grep -c processor /proc/cpuinfo; cut -d. -f1 /proc/uptime'
out=$(runc run -b "$work/b1" "$group-1" </dev/null 2>&1)
like "$out" 'MemTotal: +65536 kB' "meminfo in a container of runc shows the limit"
like "$(tail -n 1 <<<"$out")" '^[0-9]{1,3}$' "its uptime is not the host's"
diag "$out"

### In containers of others, as doc/standalone.md has it
files=(proc/uptime proc/meminfo proc/cpuinfo proc/stat proc/loadavg proc/swaps proc/diskstats sys/devices/system/cpu/online)
look='grep MemTotal /proc/meminfo; grep -c ^processor /proc/cpuinfo; cat /sys/devices/system/cpu/online; cut -d. -f1 /proc/uptime; grep -c ^cpu /proc/stat'
seen() { # OUTPUT DESC: limit, CPUs, online, uptime, lines of cpu and cpu0
	like "$(tr -s ' \n\r' ' ' <<<"$1")" 'MemTotal: 65536 kB 1 0 [0-9]{1,3} 2 $' "$2"
}
if have tool-lxc-start; then
	mkdir "$work/lxc"
	{
		printf 'lxc.uts.name = c\nlxc.rootfs.path = dir:%s\nlxc.init.cmd = /bin/sleep 1000\nlxc.cgroup.dir = %s\n' "$root" "$group"
		printf 'lxc.net.0.type = empty\nlxc.mount.auto = proc:mixed sys:ro\nlxc.apparmor.profile = unchanged\n'
		for f in "${files[@]}"; do echo "lxc.mount.entry = $mnt/$f $f none bind,optional 0 0"; done
	} >"$work/lxc.conf"
	lxc() { timeout 20 "lxc-$1" -n c -P "$work/lxc" "${@:2}" </dev/null; }
	on_exit lxc stop -k
	ok "LXC starts" lxc start -f "$work/lxc.conf" -d
	seen "$(lxc attach -- /bin/sh -c "$look" 2>&1)" "views in a container of LXC"
	ok "cloister-fs --pid of it" timeout 10 cloister-fs --pid "$(lxc info -pH)" "$work/other"
	is "$(awk '/^MemTotal/ { print $2 }' "$work/other/proc/meminfo")" 65536 "serves its limit"
	umount "$work/other"
	lxc stop -k
else
	skip tool-lxc-start "views in a container of LXC"
fi
if have tool-systemd-nspawn; then
	# Files below /proc it binds from inside, where their source has to be too.
	mkdir -p "$work/nspawn/usr"
	cp -a "$root/." "$work/nspawn"
	echo ID=test >"$work/nspawn/etc/os-release"
	binds=("--bind-ro=$mnt")
	for f in "${files[@]}"; do binds+=("--bind-ro=$mnt/$f:/$f"); done
	out=$(cd / && timeout 30 systemd-nspawn --keep-unit --register=no --quiet --console=pipe -D "$work/nspawn" "${binds[@]}" /bin/sh -c "$look" </dev/null 2>"$tap_dir/nspawn.err")
	seen "$out" "views in a container of systemd-nspawn" || diag "$(cat "$tap_dir/nspawn.err")"
	rmdir /run/systemd/nspawn/propagate/nspawn 2>/dev/null
else
	skip tool-systemd-nspawn "views in a container of systemd-nspawn"
fi
if have tool-podman; then
	binds=()
	for f in "${files[@]}"; do binds+=(-v "$mnt/$f:/$f:ro"); done
	out=$(timeout 60 podman --root "$work/podman" --runroot "$work/podman-run" --tmpdir "$work/podman-tmp" --cgroup-manager cgroupfs --runtime runc \
		run --rm --network none --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 --cgroup-parent "/$group" "${binds[@]}" --rootfs "$root" /bin/sh -c "$look" </dev/null 2>&1)
	seen "$out" "views in a container of Podman"
else
	skip tool-podman "views in a container of Podman"
fi

### By a process, while it runs; the files belong to its root
python3 "$work/bundle.py" "$work/b2" "$root" - "$group" /bin/sleep 1000
runc run -d -b "$work/b2" "$group-2" </dev/null >/dev/null 2>&1
pid=$(runc state "$group-2" | json 'd["pid"]')
on_exit runc delete -f "$group-2"
ok "cloister-fs --pid" timeout 10 cloister-fs --pid "$pid" "$work/other"
on_exit umount -ql "$work/other"
is "$(awk '/^MemTotal/ { print $2 }' "$work/other/proc/meminfo")" 65536 "the limit above its cgroup counts"
sleep 1.1
below 1 "$(cut -d ' ' -f 1 "$work/other/proc/uptime")" "uptime since its start"
below "$(cut -d ' ' -f 1 "$work/other/proc/uptime")" 30 "and not since the host's"
echo 42 >"$work/other/proc/sys/kernel/panic"
is "$(cat "$work/other/proc/sys/kernel/panic") $(cat "$mnt/proc/sys/kernel/panic")" "42 0" "a sysctl's value is this mount's own"

### A crash, and the end
server=$(pgrep -f "^cloister-fs .*$work/other" | tail -n 1)
kill -9 "$server"
is "$(timeout 5 cat "$work/other/proc/sys/kernel/panic")" 42 "a server that was killed is replaced, and keeps values"
ok "umount" umount "$work/other"
ok "ends keeper and server" eventually 5 gone "$work/other"
python3 -IS -c 'import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execvp(sys.argv[1], sys.argv[1:])' \
	cloister-fs --cgroup "/$group" "$work/other"
kill -9 "$(pgrep -f "^cloister-fs .*$work/other" | tail -n 1)"
ok "a server is replaced, too, if who started it ignores the ends of its children" timeout 5 cat "$work/other/proc/uptime"
umount -l "$work/other"
eventually 5 gone "$work/other"
timeout 20 cloister-fs -f --cgroup "/$group" "$work/other" &
shell=$!
eventually 5 is_mounted "$work/other"
kill "$(pgrep -P $shell cloister-fs | head -n 1)"
wait $shell
is "$? $(is_mounted "$work/other" && echo mounted)" "0 " "in the foreground: SIGTERM unmounts"
if type -P mount.fuse >/dev/null; then
	ok "mount(8), as by a line of fstab" timeout 10 mount -t fuse -o "cgroup=/$group,nofail" "$(type -P cloister-fs)#none" "$work/other"
	is "$(awk '/^MemTotal/ { print $2 }' "$work/other/proc/meminfo")" 65536 "and it serves"
	umount "$work/other"
	eventually 5 gone "$work/other"
	# Where it is installed mount(8) finds it: here a file system of our own lies there.
	echo "none $work/other fuse.cloister-fs cgroup=/$group,nofail 0 0" >"$work/fstab"
	program=$(type -P cloister-fs)
	out=$(timeout 20 unshare -m sh -c "mount -t tmpfs none /usr/local/sbin && ln -s '$program' /usr/local/sbin && mount -a -T '$work/fstab' && grep ^MemTotal '$work/other/proc/meminfo'; umount '$work/other'" 2>&1)
	like "$out" '^MemTotal: +65536 kB$' "a line of fstab, by mount -a"
	eventually 5 gone "$work/other"
else
	skip tool-mount.fuse "mount(8)"
fi

### What it refuses
fails 'cgroup "/": in no cgroup but the root' "the host's own cgroup" cloister-fs --cgroup / "$work/other"
fails "cgroup \"/$group-none\": no such cgroup" "a cgroup that does not exist" cloister-fs --cgroup "/$group-none" "$work/other"
fails 'process "0x1": no such process' "a pid that is none" cloister-fs --pid 0x1 "$work/other"
fails "either --pid or --cgroup" "neither" cloister-fs "$work/other"
fails "give one mount point" "no argument at all" cloister-fs
fails "mount point \"$work/nowhere\": No such file" "a mount point that does not exist" cloister-fs --cgroup "/$group" "$work/nowhere"
fails 'mount option "bogus": unknown' "an unknown option" cloister-fs --cgroup "/$group" -o bogus "$work/other"
runc delete -f "$group-2"
umount "$mnt"
eventually 5 gone "$mnt"
remove_groups
done_testing
