#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Docker in a stock Debian 12: systemd, cgroup v2, AppArmor; with both of Docker's cgroup drivers.
export VM_TREE=inside TEST_SLOW=3 VM_MUST_RUN="root fuse userns timens launcher idmap loop engine-docker" VM_TIMEOUT=${VM_TIMEOUT:-2400} TEST_TIMEOUT=900
exec bash "${top_srcdir:?}/tests/vm/run-debian.sh" debian fstab apparmor engine ENGINE_CGROUP_DRIVER=systemd engine systemd
