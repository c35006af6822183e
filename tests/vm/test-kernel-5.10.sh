#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The suites of isolation, views and shiftfs on Debian's kernel 5.10, cgroup v2.
export VM_MUST_RUN="root fuse userns timens launcher" VM_TIMEOUT=${VM_TIMEOUT:-1800}
exec bash "${top_srcdir:?}/tests/vm/run-kernel.sh" 5.10 smoke served mount-shiftfs SHIFTFS_STEPS=200 TEST_TIMEOUT=600 shiftfs TEST_TIMEOUT=900 isolation TEST_TIMEOUT=600 views
