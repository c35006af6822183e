#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# One side of test-taint.sh, in a guest: dumps what a container can learn there (tests/lib/taint.c), as
# "DUMP NAME" lines of base64, and what the host is, which the container must not tell. TAINT_SIDE=b has
# work to do besides, and TAINT_LATER=1 makes modules, disks and CPUs come and go under a container.
. "${top_srcdir:-.}/tests/lib/tap.sh"
side=${TAINT_SIDE:-a}
taint=$top_builddir/tests/lib/taint
mods=/cloister/modules
root=$work/root
mkdir -p "$root"/{bin,proc,sys,dev,tmp,etc}
cp "$taint" "$root/bin/"
cp "$(type -P busybox)" "$root/bin/sleep"
cp "$root/bin/sleep" "$root/bin/sh"
shift_owners "$root"
hostname "$side-machine"
echo "$side-domain" >/proc/sys/kernel/domainname

if [ "$side" = b ]; then
	for _ in $(seq 40); do sleep 1000 & done
	(while :; do :; done) &
	on_exit sh -c "kill $(jobs -p | xargs)"
	sleep 12
fi

# Everybody's limits.
limits=(--rootfs "$root" --memory 96M --cpus 1 --cpuset 0-1 --pids 64 --hostname taint)
send() { gzip -6 | base64 -w 120 | sed "s/^/DUMP $1 /"; }

{
	printf 'boot id\t%s\n' "$(cat /proc/sys/kernel/random/boot_id)"
	printf 'host name\t%s\n' "$side-machine"
	printf 'domain name\t%s\n' "$side-domain"
	tr ' ' '\n' </proc/cmdline | sed -n 's/^taint\.secret=/command line\t/p'
	for f in product_name product_uuid product_serial board_serial chassis_serial bios_version sys_vendor; do
		printf 'DMI %s\t%s\n' $f "$(cat /sys/class/dmi/id/$f 2>/dev/null)"
	done
	for f in /sys/block/*/serial; do printf 'disk serial\t%s\n' "$(cat "$f" 2>/dev/null)"; done
	for f in /sys/class/net/*/address; do
		case $(cat "$f") in 00:00:00:00:00:00) ;; *) printf 'MAC address\t%s\n' "$(cat "$f")" ;; esac
	done
} | tee "$work/facts" | send facts
{
	printf 'memory\t%s\n' "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)"
	printf 'CPUs\t%s\n' "$(nproc --all)"
	printf 'disks\t%s\n' "$(basename -a /sys/block/* | tr "\n" " ")"
	printf 'processes\t%s\n' "$(ls -d /proc/[0-9]* | wc -l)"
	printf 'load\t%s\n' "$(cut -d ' ' -f 1 /proc/loadavg)"
	printf 'uptime\t%s\n' "$(cut -d ' ' -f 1 /proc/uptime)"
} | send machine

# What a container would see if nothing were covered: it has to differ.
"$taint" tree /proc/cmdline /proc/meminfo /proc/cpuinfo /proc/iomem /proc/interrupts /proc/partitions \
	/sys/class/dmi /sys/devices/virtual/dmi /sys/block /sys/devices/system/cpu/possible /sys/firmware/memmap 2>&1 | send bare

launch "${limits[@]}" -- /bin/taint tree /proc /sys </dev/null 2>"$work/err" | cat >"$work/tree"
launch "${limits[@]}" -- /bin/taint calls </dev/null 2>>"$work/err" | cat >"$work/calls"
cat "$work/tree" "$work/calls" | send dump
below 1000 "$(wc -l <"$work/tree")" "a dump of /proc and /sys"
below 50 "$(wc -l <"$work/calls")" "a dump of system calls"
is "$(head -n 3 "$work/err")" "" "nobody complains"

### What appears after the start
if [ -n "${TAINT_LATER:-}" ]; then
	name=$(cname later)
	launch_detached "$name" "${limits[@]}" -- sleep 1000 || { fail "a container starts"; done_testing; }
	admin=$(cname admin) nf=/proc/sys/net/netfilter
	launch_detached "$admin" --privileged --cpus 0.3 --rootfs "$root" -- sleep 1000
	# By the shell alone: there is no other program inside. It reads byte by byte, and of the kernel's
	# own files so gets the first only, without a newline.
	inside() { cloister exec "$1" /bin/sh -c "$2" </dev/null; }
	value() { inside "$admin" "read v <$nf/$1; echo \$v" 2>&1; }
	look() { cloister exec "$name" /bin/taint tree /proc /sys </dev/null 2>&1 | cat; }
	load() { # MODULE PARAMETER…: and what it needs, which may be there
		local m
		for m in $(cat $mods/order); do
			case $m in "$1.ko"*) insmod "$mods/$m" "${@:2}"; return ;; esac
			insmod "$mods/$m" 2>/dev/null || :
		done
		return 1
	}
	look | send before
	ok "a module with disks is loaded" load brd rd_nr=3 rd_size=1024
	ok "they are there" test -b /dev/ram0 -a -d /sys/block/ram0 -a -d /sys/module/brd/parameters
	ok "another disk" load null_blk nr_devices=1 gb=1
	fails '*' "no sysctl of a module that is not there" inside "$admin" "read v <$nf/nf_conntrack_max"
	inside "$admin" "while ! [ -e /tmp/stop ]; do v=; read v <$nf/nf_conntrack_max; [ -z \"\$v\" ] || echo \$v; done" >"$work/seen" 2>/dev/null &
	ok "a module with sysctls" load nf_conntrack hashsize=1234
	is "$(value nf_conntrack_max) $(value nf_conntrack_buckets) $(value nf_conntrack_expect_max)" "65536 65536 1024" "those that are the host's are the container's own"
	isnt "$(cat $nf/nf_conntrack_max) $(cat $nf/nf_conntrack_buckets)" "65536 65536" "(and not what the host has)"
	host=$(cat $nf/nf_conntrack_generic_timeout)
	inside "$admin" "echo 70000 >$nf/nf_conntrack_max; echo $((host + 7)) >$nf/nf_conntrack_generic_timeout"
	is "$(value nf_conntrack_max) $(value nf_conntrack_generic_timeout)" "70000 $((host + 7))" "both are written"
	is "$(cat $nf/nf_conntrack_generic_timeout)" "$host" "those of the network namespace, in it alone"
	ok "a module with a file at the top of /proc" load md-mod
	ok "a CPU goes" sh -c 'echo 0 >/sys/devices/system/cpu/cpu2/online'
	look | send after
	ok "the module goes" rmmod brd
	ok "and is loaded again" load brd rd_nr=5 rd_size=2048
	ok "the module with sysctls goes" rmmod nf_conntrack
	ok "and with it these" eventually 5 sh -c "! cloister exec $admin /bin/sh -c 'read v <$nf/nf_conntrack_max' 2>/dev/null </dev/null"
	ok "it comes again" load nf_conntrack hashsize=4321
	is "$(value nf_conntrack_max) $(value nf_conntrack_buckets) $(value nf_conntrack_generic_timeout)" "70000 65536 $host" "ours are what they were, the others new"
	inside "$admin" ": >/tmp/stop"
	wait $!
	is "$(sort -u "$work/seen" | xargs)" "65536 70000" "who reads all the time sees nothing else"
	late=/proc/sys/sunrpc/max_resvport
	ok "a module with a directory of sysctls, in which nothing is covered" load sunrpc
	ok "it is there" inside "$admin" "[ -f $late ]"
	is "$(cat $late) $(inside "$admin" "read v <$late; echo \"said \$v\"" 2>/dev/null)" "1023 said " "and says nothing"
	rmmod sunrpc
	cloister delete --force "$admin" >/dev/null
	ok "the CPU comes back" sh -c 'echo 1 >/sys/devices/system/cpu/cpu2/online'
	look | send reloaded
	cloister delete --force "$name" >/dev/null
	rmmod brd null_blk 2>/dev/null
fi
done_testing
