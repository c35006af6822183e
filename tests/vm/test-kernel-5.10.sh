#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The suites that such an old kernel makes a difference to, on Debian's 5.10, cgroup v2: no ID-mapped mounts
# (shiftfs serves), no mount_setattr(2), signals that take mediated calls back. Those to which a second CPU does:
# test-kernel-5.10-smp.sh.
export VM_MUST_RUN="root fuse userns timens launcher" VM_TIMEOUT=${VM_TIMEOUT:-2400} TEST_TIMEOUT=900
exec bash "${top_srcdir:?}/tests/vm/run-kernel.sh" 5.10 smoke served mount-shiftfs SHIFTFS_STEPS=200 shiftfs SHIFTFS_STEPS=200 shiftfs-modes \
	"POSIX_FAMILIES='opening rename'" shiftfs-posix isolation mounts-inside
