#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Cloister built with the compiler and the libraries of a newer Debian, without a warning, and run there on this
# kernel. $DISTRO: the suite of make-debian.sh's build-$DISTRO; `make check-distros` takes each.
TEST_TIMEOUT=${TEST_TIMEOUT:-3600} # each suite waits for its turn in its lane
TEST_LANES=distro
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/machine.sh"
gate root; gate launcher; gate fuse; gate userns; gate tool-debootstrap
distro=${DISTRO:-trixie}
read -ra suites <<<"${DISTRO_SUITES:-launch-basic views mount-shiftfs}"
tree=$(machine_tree "build-$distro") || { fail "debootstrap makes a tree of $distro"; done_testing; }
mkdir "$work/src"

# What is in the repository, or in the tarball; nothing that was built here.
copy_sources() {
	local list=$work/list
	cd "$top_srcdir" || return
	git ls-files -co --exclude-standard -z >"$list" 2>/dev/null && [ -s "$list" ] ||
		find . \( -name 'build*' -o -name .git -o -name '*.o' \) ! -name build-aux -prune -o -type f -print0 >"$list"
	tar -c --null -T "$list" --ignore-failed-read | tar -x -C "$work/src"
}
inside() { bash "$tests_lib/enter-tree.sh" "$tree" "$work" "$@"; }
build() {
	inside sh -ec "autoreconf -fi; mkdir build; cd build; ../configure -q --enable-werror CFLAGS='-O2'
		make -s -j$(nproc); make -s -j$(nproc) check TESTS=" >"$work/build.log" 2>&1 && return
	grep -E 'warning:|error:|Error' "$work/build.log" | head -n 20
	tail -n 20 "$work/build.log"
	return 1
}
unit_tests() {
	inside sh -c 'cd build && make -s check TESTS="$(find tests/unit -maxdepth 1 -name "test-*" -type f -perm -100 | tr "\n" " ")"' >"$work/unit.log" 2>&1 && return
	grep -E '^(FAIL|ERROR)' "$work/unit.log"
	return 1
}
# Of what a suite printed in there only the failures are shown; fewer random operations than here.
suite() {
	inside env top_srcdir=/mnt/src top_builddir=/mnt/src/build SHIFTFS_STEPS="${SHIFTFS_STEPS:-500}" \
		bash "tests/integration/test-$1.sh" >"$work/$1.log" 2>&1 && grep -q '^1\.\.[1-9][0-9]*$' "$work/$1.log" && return
	grep -A 8 '^not ok' "$work/$1.log" | head -n 60
	tail -n 3 "$work/$1.log"
	return 1
}

ok "the sources are there" copy_sources
ok "$distro: all is built, without a warning" build || done_testing
diag "$(inside sh -c 'cc --version | head -n 1; for p in fuse3 libseccomp glib-2.0 jansson; do echo "$p $(pkg-config --modversion $p)"; done; ldd --version | head -n 1' | paste -s -d ';')"
ok "$distro: the unit tests" unit_tests
for s in "${suites[@]}"; do
	ok "$distro: $s" suite "$s"
	diag "$(grep -c '^ok' "$work/$s.log") lines, $(grep -c '# SKIP' "$work/$s.log") of them skipped"
done
done_testing
