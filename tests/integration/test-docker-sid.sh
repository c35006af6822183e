#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The Docker that people install today (Debian's newest), with images in containerd's store, which is what a
# new installation of Docker 29 has. $SID_SUITE: another suite to run so.
: "${top_srcdir:?: run it by make check}"
# shellcheck source=tests/lib/machine.sh
. "$top_srcdir/tests/lib/machine.sh"
ENGINE_TREE=$(machine_tree inside-sid) || {
	case " ${TESTS_MUST_RUN:-} " in
	*" vm "* | *" all "*) echo "1..1"; echo "not ok 1 - a newer Docker cannot be fetched"; exit 1 ;;
	esac
	echo "1..0 # SKIP a newer Docker cannot be fetched"
	exit 0
}
export ENGINE_TREE ENGINE_STORE=containerd
exec bash "$top_srcdir/tests/integration/test-${SID_SUITE:-docker}.sh"
