#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What must hold of any machine's /proc holds in two containers with different limits, one of them under
# load: sums, counters that never run back, files, tools and system calls that agree.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate timens; gate cgroup-memory; gate tool-python3; gate tool-top
launch -- true </dev/null 2>"$tap_dir/err" || { skip idmap "a container of the host's programs: $(cat "$tap_dir/err")"; done_testing; }
cpus=$(nproc)
[ "$cpus" -lt 2 ] || cpus=2
busy=$(cname busy) idle=$(cname idle)
mkdir "$work/tools"
cp "$top_builddir/tests/lib/taint" "$work/tools/"
launch_detached "$busy" --memory 96M --cpus 1 -- sh -c 'for i in 1 2; do (while :; do :; done) & done; (while :; do head -c 20000000 /dev/zero | tail -c 1 >/dev/null; ls /usr/lib >/tmp/x; done) & wait' ||
	{ fail "a container under load starts"; done_testing; }
launch_detached "$idle" --memory 160M --cpus "$cpus" -- sleep 1000 || { fail "an idle container starts"; done_testing; }
busy_pid=$(init_pid "$busy") idle_pid=$(init_pid "$idle")

### Properties
# Microseconds of CPU that the container's cgroup has used, as the kernel counts.
used() { # PID
	local dir
	dir=$(cgroup_dir "$1" cpuacct)
	if [ -e "$dir/cpuacct.usage" ]; then echo $(($(cat "$dir/cpuacct.usage") / 1000)); else awk '$1 == "usage_usec" { print $2 }' "$dir/cpu.stat"; fi
}
properties() { # PID:MEMORY-KB:CPUS…
	local i=0 spec start before=() after
	for spec; do before+=("$(used "${spec%%:*}")"); done
	start=${EPOCHREALTIME/./}
	python3 "$tests_lib/views-props.py" "${PROPS_SECONDS:-6}" "$@" >"$tap_dir/props" 2>"$tap_dir/props.err"
	for spec; do
		after=$(used "${spec%%:*}")
		kernel[i]=$(awk "BEGIN { print ($after - ${before[i]}) / (${EPOCHREALTIME/./} - $start) }")
		i=$((i + 1))
	done
	is "$(cat "$tap_dir/props.err")" "" "every view was read and understood"
	while IFS=$'\t' read -r verdict what detail; do
		case $verdict in
		OK) pass "$what" ;;
		BAD) fail "$what"; diag "$detail" ;;
		esac
	done <"$tap_dir/props"
	below 20 "$(awk -F '\t' '$1 == "SAMPLES" { print $2 }' "$tap_dir/props")" "enough samples"
	below 40 "$(grep -c '^OK' "$tap_dir/props")" "enough properties"
}
load() { awk -F '\t' -v i="$1" '$1 == "BUSY" && $2 == i { print $3 }' "$tap_dir/props"; }
near() { # INDEX DESC: as much in the view as the kernel counts, but for what fell between the two looks
	is "$(awk "BEGIN { d = $(load "$1") - ${kernel[$1]}; print (d < 0.15 && d > -0.15) }")" 1 "$2 ($(load "$1") CPUs, by the kernel ${kernel[$1]})"
	below 0.01 "$(load "$1")" "which is some"
}
properties "$busy_pid:98304:1" "$idle_pid:163840:$cpus"
near 0 "the container under load sees its own work"
below "$(load 0)" 1.15 "and no more than its limit"
below "$(load 1)" 0.3 "the idle one does not see it ($(load 1) CPUs)"

### Tools and system calls agree with the files
tools() { # NAME MEMORY-KB CPUS
	local out text
	inside() { cloister exec "$1" "${@:2}" </dev/null 2>&1; }
	is "$(inside "$1" free -k | awk '/^Mem:/ { print $2 }')" "$2" "$1: free"
	is "$(inside "$1" getconf _NPROCESSORS_ONLN)" "$3" "$1: getconf _NPROCESSORS_ONLN"
	out=$(LC_ALL=C inside "$1" top -b -n 2 -d 0.5 -w 200)
	text=$(grep '^%Cpu' <<<"$out" | tail -n 1)
	below 98.5 "$(grep -oE '[0-9]+\.[0-9]+' <<<"$text" | awk '{ s += $1 } END { print s }')" "$1: the percentages of top add up ($text)"
	below "$(grep -oE '[0-9]+\.[0-9]+' <<<"$text" | awk '{ s += $1 } END { print s }')" 101.5 "$1: and not above 100"
	is "$(grep '^Tasks:' <<<"$out" | tail -n 1 | awk '{ print ($2 < 20) }')" 1 "$1: top counts its own tasks"
	below "$(inside "$1" ps -e -o pid= | wc -l)" 20 "$1: so does ps"
	below "$(inside "$1" cut -d ' ' -f 1 /proc/uptime)" 120 "$1: uptime"
	inside "$1" uptime -p | grep -qE '^up [0-2] minutes?|^up *$'
	is $? 0 "$1: uptime -p"
}
tools "$busy" 98304 1
tools "$idle" 163840 "$cpus"
if type -P mpstat >/dev/null; then
	for c in "$busy" "$idle"; do
		cloister exec "$c" env LC_ALL=C mpstat -P ALL 1 1 </dev/null >"$tap_dir/mpstat" 2>&1
		is "$(awk '$1 == "Average:" && $2 ~ /^(all|[0-9]+)$/ { s = 0; for (i = 3; i <= NF; i++) s += $i; n++; if (s < 99 || s > 101) bad = bad $0 } END { print n bad }' "$tap_dir/mpstat")" \
			"$(($([ "$c" = "$busy" ] && echo 1 || echo "$cpus") + 1))" "$c: the percentages of mpstat add up, for each CPU" || diag "$(cat "$tap_dir/mpstat")"
	done
else
	skip tool-mpstat "mpstat"
fi
like "$(cloister exec "$busy" vmstat 1 2 </dev/null | tail -n 1)" '^( *[0-9]+){16,}' "vmstat"

cloister delete --force "$busy" >/dev/null
cloister delete --force "$idle" >/dev/null

### The same under stress-ng in both: CPU, memory, disk, processes, timers, switches
if type -P stress-ng >/dev/null; then
	stress() { # NAME MEMORY CPUS OPTION…
		launch_detached "$1" --memory "$2" --cpus "$3" -- stress-ng --quiet --temp-path /tmp --timeout 600 "${@:4}" &&
			eventually 10 sh -c "[ \"\$(cloister --root '$state' exec '$1' sh -c 'ls -d /proc/[0-9]*' </dev/null | wc -l)\" -gt 5 ]"
	}
	busy=$(cname stress1) idle=$(cname stress2)
	ok "a container of stress-ng" stress "$busy" 96M 1 --cpu 2 --vm 1 --vm-bytes 40M --fork 1 --timer 1
	ok "and another" stress "$idle" 160M "$cpus" --cpu 1 --hdd 1 --hdd-bytes 8M --vm 1 --vm-bytes 60M --switch 1
	properties "$(init_pid "$busy"):98304:1" "$(init_pid "$idle"):163840:$cpus"
	near 0 "the first sees its own work"
	below "$(load 0)" 1.15 "and no more than its limit"
	near 1 "so does the second"
	below "$(load 1)" "$(awk "BEGIN { print $cpus + 0.15 }")" "and no more than its limit"
	cloister delete --force "$busy" >/dev/null
	cloister delete --force "$idle" >/dev/null
else
	skip tool-stress-ng "under stress-ng"
fi

# System calls, and what counts CPUs.
launch --memory 96M --cpus 1 --volume "$work/tools:/mnt:ro" -- /mnt/taint calls </dev/null >"$tap_dir/calls" 2>&1
call() { awk -F '\t' -v c="$1" -v n="$2" '$1 == c && $2 == n { print $3; exit }' "$tap_dir/calls"; }
below "$(call clock_gettime boottime)" 60 "CLOCK_BOOTTIME is the container's"
below "$(call sysinfo uptime)" 60 "so is the uptime of sysinfo(2)"
is "$(call get_nprocs online)" 1 "get_nprocs() agrees with the files"
is "$(call sysinfo totalram)" $((98304 * 1024)) "sysinfo(2) agrees: memory"
is "$(call sysconf _SC_PHYS_PAGES)" $((98304 / 4)) "so does sysconf(_SC_PHYS_PAGES)"
below "$(call sysinfo freeram)" $((98304 * 1024)) "free memory"
below "$(call sysinfo procs)" 10 "processes"
is "$(launch --memory 96M --cpus 1 -- lscpu </dev/null | awk -F ': *' '/^CPU\(s\)/ || /^On-line CPU\(s\) list/ { print $2 }' | xargs)" "1 0" "lscpu"
done_testing
