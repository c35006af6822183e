#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# guest-fixtures.sh [DIRECTORY]
#
# Not a test: the sources of the views (src/lib/facts.c) as this kernel writes them, for
# tests/fixtures/fs: the host's, and those of a cgroup v2 in which something has run (named like
# "v2.memory.max", the level above with ".1"). With DIRECTORY they are left there; in a VM
# (KEEP_WORK=1 tests/vm/run-kernel.sh VERSION fixtures) they are in the file "out" as a tar in base64,
# each line behind "# tar ".
capture() {
	local to=$1
	mkdir -p "$to"
	keep() { # NAME FILE
		[ ! -r "$2" ] || cat "$2" >"$to/$1" || rm -f "${to:?}/$1"
	}
	for f in meminfo cpuinfo diskstats vmstat zoneinfo buddyinfo softirqs schedstat; do keep $f /proc/$f; done
	for f in cpu memory io irq; do keep pressure.$f /proc/pressure/$f; done
	keep cpu.kernel_max /sys/devices/system/cpu/kernel_max

	local f c outer=/sys/fs/cgroup/capture.$$ inner=/sys/fs/cgroup/capture.$$/inner
	mkdir $outer
	for c in $(cat $outer/cgroup.controllers); do echo +$c >$outer/cgroup.subtree_control || :; done
	mkdir $inner
	echo 1G >$outer/memory.max
	echo 512M >$inner/memory.max
	echo "150000 100000" >$inner/cpu.max
	sh -c "echo 0 >$inner/cgroup.procs
		dd if=/dev/zero of=/var/tmp/capture.$$ bs=64k count=64 conv=fsync 2>/dev/null
		cat /var/tmp/capture.$$ >/dev/null; i=0; while [ \$i -lt 20000 ]; do i=\$((i + 1)); done"
	rm -f /var/tmp/capture.$$
	for f in cpu.max memory.max memory.swap.max; do
		keep "v2.${f/memory.swap/swap}" $inner/$f
		keep "v2.${f/memory.swap/swap}.1" $outer/$f
	done
	for f in cpuset.cpus.effective:cpuset cpuset.mems.effective:mems memory.swap.current:swap.current \
		cpu.stat memory.current memory.stat memory.events pids.current io.stat \
		cpu.pressure memory.pressure io.pressure irq.pressure; do
		keep "v2.${f#*:}" $inner/${f%:*}
	done
	rmdir $inner $outer
}

if [ $# -gt 0 ]; then
	capture "$1"
	exit
fi
. "${top_srcdir:-.}/tests/lib/tap.sh"
ok "the sources are captured" capture "$work/facts"
tar -cz -C "$work/facts" . | base64 -w 100 | sed 's/^/# tar /'
done_testing
