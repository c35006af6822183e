#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Which images may have the engine's socket: with the newest Docker.
SID_SUITE=policy-socket SOCKET_IMAGES_ONLY=1 exec bash "${top_srcdir:?}/tests/integration/test-docker-sid.sh"
