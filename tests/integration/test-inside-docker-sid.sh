#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same with the engines of Debian's newest.
INSIDE_KIND=inside-sid exec bash "${top_srcdir:?}/tests/integration/test-inside-docker.sh"
