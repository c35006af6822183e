#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The isolation and view suites on Debian's kernel 6.1, cgroup v2.
export VM_MUST_RUN="root fuse userns timens launcher idmap loop"
exec bash "${top_srcdir:?}/tests/vm/run-kernel.sh" 6.1 smoke isolation views
