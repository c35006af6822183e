#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The isolation suite, and those of the mounts made inside, on Debian's kernel 6.12, cgroup v2.
export VM_MUST_RUN="root fuse userns timens launcher idmap loop"
exec bash "${top_srcdir:?}/tests/vm/run-kernel.sh" 6.12 smoke isolation mediation mounts-inside
