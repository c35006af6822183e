#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Is the guest what the suites believe it to be?
. "${top_srcdir:-.}/tests/lib/tap.sh"
# shellcheck source=tests/lib/check-says.sh
. "${top_srcdir:-.}/tests/lib/check-says.sh"

case ${CLOISTER_IN_VM:-sid} in
sid) like "$(uname -r)" "^(6\.(1[3-9]|[2-9][0-9])|[7-9])\b" "the kernel is newer than the others" ;;
*) like "$(uname -r)" "^$CLOISTER_IN_VM" "the kernel is the one asked for" ;;
esac
is "$(stat -fc %T /)" "ext2/ext3" "the root is a real file system"
is "$(stat -fc %T /sys/fs/cgroup)" cgroup2fs "cgroup v2 alone"
for c in cpu memory pids cpuset; do
	like "$(cat /sys/fs/cgroup/cgroup.subtree_control)" "\\b$c\\b" "cgroup controller $c"
done
for f in fuse userns timens loop; do
	if have $f; then pass "feature $f"; else fail "feature $f"; fi
done
ok "overlay" unshare -m sh -c "cd $work && mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w overlay m"
ok "all namespaces at once" unshare -UrmpifnuCT --mount-proc true
like "$("$attack" kernel)" 'seccomp-notify' "seccomp notification"
case ${CLOISTER_IN_VM:-} in
5.10) fails ENOSYS "no mount_setattr(2)" "$attack" remount-rw-setattr / ;;
*) ok "ID-mapped mounts of the disk" have idmap ;;
esac
ok "pivot_root in a mount namespace" unshare -m sh -c "
	mkdir -p $work/r/old $work/r/bin && cp $(type -P busybox) $work/r/bin/ &&
	mount --bind $work/r $work/r && cd $work/r && pivot_root . old && /bin/busybox true"
ok "python3 runs" python3 -c 'import pty, ctypes, json, socket'
is "$(nproc)" "${CLOISTER_VM_CPUS:-1}" "as many CPUs as it was given"
check_says
done_testing
