#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The proxy of the engine's socket: with the newest Docker, its client and its BuildKit.
SID_SUITE=sockproxy SOCKPROXY_CLIENTS_ONLY=1 exec bash "${top_srcdir:?}/tests/integration/test-docker-sid.sh"
