#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A host that forbids all tracing for good (kernel.yama.ptrace_scope=3). The last suite of a guest: it cannot be undone.
. "${top_srcdir:-.}/tests/lib/tap.sh"
scope=/proc/sys/kernel/yama/ptrace_scope
said() { cloister check --json </dev/null | json "[c['status'] for c in d['checks'] if c['name'] == 'seccomp arguments'][0]"; }
echo 2 >$scope
is "$(said)" ok "ptrace_scope 2: a caller's arguments can be read"
is "$(launch --privileged -- sh -c 'mount -t tmpfs none /mnt && stat -fc %T /mnt')" tmpfs "and a container mounts"
echo 3 >$scope
is "$(said)" missing "ptrace_scope 3: check says that they cannot"
below "$(launch -- cut -d . -f 1 /proc/uptime)" 60 "containers have views all the same"
is "$(launch --privileged -- sh -c 'mount -t tmpfs none /mnt && stat -fc %T /mnt')" tmpfs "what the kernel itself allows goes on"
fails 'permission denied' "a procfs, whose covers are the warden's work, is refused" launch --privileged -- mount -t proc none /mnt
done_testing
