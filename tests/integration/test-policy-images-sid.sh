#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Which image a container is of: with the newest containerd.
SID_SUITE=policy-images exec bash "${top_srcdir:?}/tests/integration/test-docker-sid.sh"
