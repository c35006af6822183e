#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The views on Debian's kernel 6.1, cgroup v2, with two CPUs that come and go. That kernel also runs the stock Debian of the engines' suites.
# Nothing here is about races, so one thread of QEMU runs both in turn.
export vm_cpus=2 vm_thread=single VM_MUST_RUN="root fuse userns timens launcher idmap loop" VM_TIMEOUT=${VM_TIMEOUT:-1200} TEST_TIMEOUT=900
exec bash "${top_srcdir:?}/tests/vm/run-kernel.sh" 6.1 smoke views yama
