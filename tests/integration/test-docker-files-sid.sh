#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What is in files: cp, diff, commit, export and save, volumes: with the newest Docker.
SID_SUITE=docker-files exec bash "${top_srcdir:?}/tests/integration/test-docker-sid.sh"
