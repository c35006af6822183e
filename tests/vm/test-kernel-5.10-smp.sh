#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Debian's 5.10 with two CPUs: calls that signals take back while the warden answers, and views of CPUs that come
# and go.
export vm_cpus=2 VM_MUST_RUN="root fuse userns timens launcher" VM_TIMEOUT=${VM_TIMEOUT:-2400} TEST_TIMEOUT=900
exec bash "${top_srcdir:?}/tests/vm/run-kernel.sh" 5.10 smoke mediation views
