#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a container sees of time, memory, CPUs and sysctls: its own, and nothing of the host.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate timens; gate tool-busybox
root=$work/root
make_root "$root"
shift_owners "$root"
need_containers --rootfs "$root"
name=$(cname views)
# shellcheck disable=SC1007
memory= begun=$EPOCHSECONDS
have cgroup-memory && memory='--memory 64M'
# shellcheck disable=SC2086
launch_detached "$name" --rootfs "$root" $memory --cpus 1 -- sleep 1000 || { fail "a container starts"; done_testing; }
inside() { cloister exec "$name" "$@" </dev/null; }
# busybox's cat copies with sendfile(2), which trusts the size of the file; that is a test of its own.
text() { inside grep '' "$1"; }

# As old as the container may be: under emulation the views before the times take minutes.
oldest() { echo $((EPOCHSECONDS - begun + 60)); }

### Every view is there, reads the same twice at every size, and is a cover of ours
for f in /proc/uptime /proc/meminfo /proc/cpuinfo /proc/stat /proc/loadavg /proc/swaps /proc/diskstats /sys/devices/system/cpu/online \
	/proc/vmstat /proc/zoneinfo /proc/buddyinfo /proc/pagetypeinfo /proc/slabinfo /proc/partitions /proc/softirqs /proc/schedstat \
	/proc/pressure/cpu /proc/pressure/memory /proc/pressure/io /proc/pressure/irq /sys/devices/system/node/online \
	/sys/devices/system/cpu/cpu0/topology/core_id /proc/sys/kernel/panic /proc/sys/kernel/printk; do
	[ -e $f ] || continue # not built into this kernel
	ok "$f is served" inside attack covered $f
	read -r words bytes < <(text $f | wc -wc)
	[ $f = /proc/diskstats ] || isnt "$bytes" 0 "$f is not empty"
	is "$(inside cat $f | wc -w)" "$words" "$f is as long by sendfile(2)"
	is "$(inside ls -ln $f | awk '{ print $3, $4 }')" "0 0" "$f belongs to root inside"
done
for f in /proc/meminfo /proc/cpuinfo /proc/swaps; do
	is "$(inside dd if=$f bs=7 2>/dev/null | cut -c 1-6 | head -n 20)" "$(text $f | cut -c 1-6 | head -n 20)" "$f read by 7 bytes is the same text"
done

### Time
sleep 1.1
up=$(inside cut -d ' ' -f 1 /proc/uptime)
below "$up" "$(oldest)" "uptime is the container's ($up s)"
below 1 "$up" "and moves"
host_up=$(cut -d ' ' -f 1 /proc/uptime)
below "$up" "$host_up" "the host is older ($host_up s)"
below "$(inside attack clock boottime)" "$(oldest)" "CLOCK_BOOTTIME agrees"
below "$(inside attack clock monotonic)" "$(oldest)" "CLOCK_MONOTONIC agrees"
idle=$(inside cut -d ' ' -f 2 /proc/uptime)
below "$idle" "$(awk -v u="$up" 'BEGIN { print (u + 5) * 2 }')" "the idle field is not the host's ($idle)"
btime=$(inside awk '/^btime/ { print $2 }' /proc/stat)
now=$(date +%s)
below "$((now - btime))" "$(oldest)" "btime in /proc/stat is the container's"
below -1 "$((now - btime))" "and not in the future"
earliest=$(date +%s) clock=$(inside attack clock realtime) latest=$(($(date +%s) + 1))
below "$earliest" "$clock" "the wall clock is the host's ($clock)"
below "$clock" "$latest" "and not ahead"

### Memory
if [ -n "$memory" ]; then
	text /proc/meminfo >"$tap_dir/meminfo"
	kb() { awk -v k="$1:" '$1 == k { print $2 }' "$tap_dir/meminfo"; }
	is "$(kb MemTotal)" 65536 "MemTotal is the limit"
	below "$(kb MemFree)" 65536 "MemFree is below it"
	below "$(kb MemAvailable)" 65536 "MemAvailable too"
	below "$(kb SwapTotal)" "$(awk '/^SwapTotal/ { print $2 }' /proc/meminfo)" "no more swap than the host has"
	is "$(awk '$3 == "kB" && $2 > 65536 && $1 !~ /^(Vmalloc|DirectMap|Swap|CommitLimit|Committed)/ { print $1 }' "$tap_dir/meminfo")" "" \
		"no field shows more than the limit"
	is "$(awk '{ print $1 }' "$tap_dir/meminfo" | sort | uniq -d)" "" "no field twice"
else
	skip cgroup-memory "meminfo"
fi

### CPUs
is "$(inside grep -c ^processor /proc/cpuinfo)" 1 "cpuinfo shows one CPU"
is "$(inside grep -cE '^cpu[0-9]' /proc/stat)" 1 "so does stat"
is "$(text /sys/devices/system/cpu/online)" 0 "and online"
is "$(inside awk '/^cpu / { for (i = 2; i <= NF; i++) t += $i } /^cpu0/ { for (i = 2; i <= NF; i++) u += $i } END { print (t - u < 5 && u - t < 5) }' /proc/stat)" 1 \
	"the sum of the CPUs is the total"
below "$(inside awk '/^cpu / { for (i = 2; i <= 9; i++) t += $i; print t }' /proc/stat)" $(($(oldest) * 200)) "CPU times are the container's, not since the host's boot"
below "$(inside awk '/^processes/ { print $2 }' /proc/stat)" 100000 "processes counts something modest"
before=$(inside awk '/^cpu / { print $2 + $4 }' /proc/stat)
rounds=300000
[ -z "${CLOISTER_IN_VM:-}" ] || rounds=30000 # which take as long
inside sh -c "i=0; while [ \$i -lt $rounds ]; do i=\$((i + 1)); done"
after=$(inside awk '/^cpu / { print $2 + $4 }' /proc/stat)
below $((before + 5)) "$after" "work inside shows in stat ($before, $after)"

below "$(inside awk '/^intr/ { n++ } END { print n }' /proc/stat)" 2 "stat has one line of interrupts"
is "$(inside awk 'NR == 1 { print NF }' /proc/softirqs)" 1 "softirqs has a column for it"
[ ! -e /proc/zoneinfo ] || is "$(inside grep -c '^    cpu: ' /proc/zoneinfo)" 1 "and zoneinfo a list"

### The directories of CPUs and nodes: whole, so that nothing that appears later is seen
highest=$(grep Cpus_allowed_list /proc/self/status | sed 's/.*[^0-9]//')
cpu=/sys/devices/system/cpu
is "$(text $cpu/present)" 0 "one CPU is present"
is "$(text $cpu/possible)" "$([ "$highest" = 0 ] && echo 0 || echo "0-$highest")" "the numbers up to the highest that a task can run on are possible"
is "$(inside ls $cpu | grep -cE '^cpu[0-9]+$')" $((highest + 1)) "and have a directory"
is "$(inside ls -d $cpu/cpu*/topology)" $cpu/cpu0/topology "of those that are not present there is no more than that"
[ "$highest" = 0 ] || is "$(text $cpu/cpu1/online)" 0 "which are offline"
fails '*' "no directory beyond" inside ls $cpu/cpu$((highest + 1))
fails '*' "no leading zero" inside ls $cpu/cpu00
is "$(text $cpu/cpu0/topology/package_cpus_list)" 0 "the package has this CPU"
for d in cpufreq cpuidle vulnerabilities microcode cpu0/cpufreq cpu0/power; do fails '*' "nothing of the host: $d" inside ls $cpu/$d; done
fails '*' "nor can one be put offline" inside sh -c "echo 0 >$cpu/online"
ok "it cannot be lifted" inside sh -c "! umount $cpu"
if [ -d /sys/devices/system/node ]; then
	is "$(inside sh -c 'cd /sys/devices/system/node && ls -d node*')" node0 "one memory node"
	is "$(text /sys/devices/system/node/node0/cpulist)" 0 "with the CPU"
	[ -z "$memory" ] || is "$(inside awk '/MemTotal/ { print $4 }' /sys/devices/system/node/node0/meminfo)" 65536 "and the memory"
fi
if [ "$(nproc)" -gt 1 ] && cloister update --cpu-quota 200000 --cpu-period 100000 "$name"; then
	sleep 1.1
	is "$(text $cpu/online)" 0-1 "a second CPU comes with the quota"
	is "$(text $cpu/cpu1/topology/package_cpus_list)" 0-1 "and its directory is filled"
	is "$(inside cat $cpu/cpu1/topology/package_cpus_list)" 0-1 "also by sendfile(2)"
	is "$(inside grep -c ^processor /proc/cpuinfo)" 2 "cpuinfo agrees"
	cloister update --cpu-quota 100000 "$name"
	sleep 1.1
	is "$(inside ls -d $cpu/cpu*/topology)" $cpu/cpu0/topology "and it goes"
else
	skip cpus-2 "the number of CPUs changes"
fi

# A cpuset's CPUs keep their numbers: affinity, which the kernel tells, and the files agree.
if [ "$highest" -gt 0 ]; then
	launch --rootfs "$root" --cpuset "$highest" -- sh -c "cat $cpu/online; sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status
		sed -n 's/^processor.*: //p' /proc/cpuinfo; sed -n 's/^cpu\([0-9][0-9]*\) .*/\1/p' /proc/stat; cat $cpu/cpu$highest/topology/core_id
		cat /sys/devices/system/node/node*/cpulist" </dev/null >"$tap_dir/cpuset"
	is "$(sort "$tap_dir/cpuset" | uniq -c | tr -s ' ')" " 6 $highest" "with a cpuset of one CPU all know it by its number"
else
	skip cpus-2 "a cpuset"
fi

### Pressure is the container's
if [ -e /proc/pressure/cpu ]; then
	like "$(text /proc/pressure/cpu)" '^some avg10=[0-9.]+ avg60=[0-9.]+ avg300=[0-9.]+ total=[0-9]+' "pressure/cpu has its line"
	below "$(inside sed -n 's/^some.*total=//p' /proc/pressure/cpu)" "$(sed -n 's/^some.*total=//p' /proc/pressure/cpu)" "and less of it than the host"
	fails '*' "a trigger is refused, not ignored" inside sh -c 'echo "some 150000 2000000" >/proc/pressure/cpu'
else
	skip psi "pressure"
fi

### The others
like "$(text /proc/loadavg)" '^[0-9.]+ [0-9.]+ [0-9.]+ [0-9]+/[0-9]+ [0-9]+$' "loadavg has its five fields"
below "$(inside sh -c 'cut -d/ -f2 /proc/loadavg | cut -d" " -f1')" 20 "and counts the container's tasks"
like "$(inside head -n 1 /proc/swaps)" '^Filename' "swaps has its header"
is "$(inside awk 'NF != 0 && NF < 14' /proc/diskstats)" "" "diskstats lines are whole"
last=$(inside awk '{ print $5 }' /proc/loadavg)
sleep 0.1 # a text is kept for a tick of 10 ms (recent.c)
is "$(inside sh -c 'read -r a b c d last </proc/loadavg; echo $((last - $$))')" 0 "and the last pid is that of its pid namespace ($last)"
below "$last" "$(inside sh -c 'read -r a b c d last </proc/loadavg; echo $last')" "which grows"
if [ "$(awk '/^SwapTotal/ { print $2 }' /proc/meminfo)" = 0 ]; then
	is "$(inside wc -l </dev/null /proc/swaps | awk '{ print $1 }')" 1 "no swap of a host without any"
fi

### Sysctls: private, the host and a neighbour see nothing
other=$(cname other)
launch_detached "$other" --rootfs "$root" -- sleep 1000
beside() { cloister exec "$other" "$@" </dev/null; }
n=0
# Should a write ever reach the host, it is put back.
declare -A host_sysctls=()
put_back() {
	local f
	for f in "${!host_sysctls[@]}"; do [ "$(cat "$f")" = "${host_sysctls[$f]}" ] || echo "${host_sysctls[$f]}" >"$f"; done
}
on_exit put_back
for key in kernel/panic:77 kernel/panic_on_oops:1 kernel/printk:"3 4 1 5" kernel/sysrq:1 kernel/dmesg_restrict:1 kernel/kptr_restrict:1 \
	vm/overcommit_memory:2 vm/mmap_min_addr:4096 fs/file-max:123456 fs/nr_open:524288; do
	file=/proc/sys/${key%%:*} value=${key#*:}
	[ -e "$file" ] || { skip "sysctl-${key%%:*}" "$file"; continue; } # not built into this kernel
	host=$(cat "$file")
	host_sysctls[$file]=$host
	neighbour=$(beside grep "" "$file")
	# Written must be another value than what stands there.
	[ "$(text "$file" | tr -s '\t' ' ')" != "$value" ] || case $value in
	"3 4 1 5") value="5 4 1 5" ;;
	524288) value=262144 ;;
	4096) value=8192 ;;
	1) value=0 ;;
	*) value=$((value + 1)) ;;
	esac
	ok "$file can be written" inside sh -c "echo '$value' >$file"
	is "$(text "$file" | tr -s '\t ' ' ' | sed 's/ $//')" "$value" "and reads back"
	is "$(beside grep "" "$file")" "$neighbour" "unseen by the neighbour"
	is "$(cat "$file")" "$host" "and by the host"
	fails '*' "$file refuses nonsense" inside sh -c "echo nonsense >$file"
	is "$(text "$file" | tr -s '\t ' ' ' | sed 's/ $//')" "$value" "and keeps its value"
	[ "$value" = "$(tr -s '\t' ' ' <<<"$host")" ] || n=$((n + 1))
done
below 5 $n "(most values differed from the host's)"
for f in slabinfo pagetypeinfo; do
	fails '*' "$f is root's" launch --rootfs "$root" --user 1000 -- cat /proc/$f
done
fails '*' "a user without rights cannot write" launch --rootfs "$root" --user 1000 -- sh -c 'echo 1 >/proc/sys/kernel/panic'
if have userns-ipc-sysctl; then
	is "$(inside sh -c 'echo 12345 >/proc/sys/kernel/shmmni; grep "" /proc/sys/kernel/shmmni')" 12345 "the kernel's own namespaced sysctls work"
	isnt "$(cat /proc/sys/kernel/shmmni)" 12345 "and are the container's"
else
	skip userns-ipc-sysctl "the kernel's own namespaced sysctls" # before 6.9 root inside cannot write them
fi
cloister delete --force "$other"
cloister delete --force "$name"

### Real programs: the host's own, over the host's /usr
if launch -- true </dev/null 2>"$tap_dir/err"; then
	program() { type -P "$1" >/dev/null; }
	if program lscpu; then
		launch --cpus 1 -- sh -c 'lscpu; lscpu -p=CPU,CORE,SOCKET,NODE; getconf _NPROCESSORS_CONF; nproc --all' </dev/null >"$tap_dir/lscpu" 2>&1
		is "$(sed -n 's/^CPU(s): *//p' "$tap_dir/lscpu")" 1 "lscpu counts one CPU"
		is "$(grep -E '^[0-9],' "$tap_dir/lscpu")" 0,0,0,0 "of one core, one package, one node"
		is "$(grep -E '^[0-9]+$' "$tap_dir/lscpu" | sort -u)" "$((highest + 1))" "_NPROCESSORS_CONF has room for every number a task can see"
	else
		skip tool-lscpu "lscpu"
	fi
	# They compare the CPUs that there are with those that they may use.
	if program lstopo-no-graphics && program numactl; then
		launch --cpuset "$highest" -- sh -c 'lstopo-no-graphics --of console; numactl --cpunodebind=0 echo bound' </dev/null >"$tap_dir/topology" 2>&1
		like "$(cat "$tap_dir/topology")" "PU L#0 \\(P#$highest\\)" "hwloc finds the CPU of the cpuset"
		is "$(tail -n 1 "$tap_dir/topology")" bound "so does libnuma"
	else
		skip tool-hwloc "hwloc and libnuma"
	fi
	if program free && program top && program vmstat; then
		# shellcheck disable=SC2086
		launch $memory --cpus 1 -- sh -c 'getconf _NPROCESSORS_ONLN; free -k; echo; top -b -n 1 | head -n 7; echo; uptime; uptime -s; vmstat 1 2; ps -o lstart= -p 1; date' \
			</dev/null >"$tap_dir/programs" 2>"$tap_dir/programs.err"
		out=$(cat "$tap_dir/programs")
		is "$(cat "$tap_dir/programs.err")" "" "free, top, uptime, vmstat, ps complain about nothing"
		[ -z "$memory" ] || is "$(awk '/^Mem:/ { print $2; exit }' "$tap_dir/programs")" 65536 "free shows the limit"
		is "$(head -n 1 "$tap_dir/programs")" 1 "getconf _NPROCESSORS_ONLN"
		like "$out" '^top - .* up ( *[01] min| *0:0[01])' "top shows the container's age"
		like "$out" '^Tasks: +[1-9] total' "and its tasks"
		like "$out" '^ [0-9:]+ +up +[01] min' "uptime too"
		like "$(launch -- vmstat 1 2 </dev/null | tail -n 1)" '^( *[0-9]+){16,}' "vmstat prints its numbers"
		if have timens-start; then
			started=$(launch -- ps -o lstart= -p 1 </dev/null)
			below "$(($(date +%s) - $(date -d "$started" +%s)))" 5 "ps -o lstart says now ($started)"
			below "$(($(date -d "$started" +%s) - $(date +%s)))" 2 "and not later"
		else
			skip timens-start "ps -o lstart" # before 5.11 the kernel shows the host's start times
		fi
	else
		skip tool-vmstat "free, top, uptime, vmstat, ps"
	fi
else
	diag "$(cat "$tap_dir/err")"
	skip idmap "the host's programs over the host's /usr"
fi
done_testing
