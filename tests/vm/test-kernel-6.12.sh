#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Isolation, and the mounts made inside, on Debian's kernel 6.12, cgroup v2, two CPUs: races are real ones.
export vm_cpus=2 VM_MUST_RUN="root fuse userns timens launcher idmap loop" VM_TIMEOUT=${VM_TIMEOUT:-1800} TEST_TIMEOUT=900
exec bash "${top_srcdir:?}/tests/vm/run-kernel.sh" 6.12 smoke isolation mounts-inside
