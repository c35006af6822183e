#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The stock Debian 12 with systemd on cgroup v1: its scopes, and Docker with its systemd driver.
export VM_MUST_RUN="root fuse userns timens launcher idmap loop engine-docker" VM_TIMEOUT=${VM_TIMEOUT:-1800} TEST_TIMEOUT=900
export VM_APPEND="systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"
exec bash "${top_srcdir:?}/tests/vm/run-debian.sh" systemd ENGINE_CGROUP_DRIVER=systemd engine
