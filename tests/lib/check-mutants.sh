#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# check-mutants.sh [NAME…]
#
# For each line of tests/mutants.list: build the programs with that protection removed
# (configure --with-mutant=NAME, in build-mutants/NAME below the build tree), run the suite, and
# expect it to fail. First the suites run on the sound build: a suite that always fails proves nothing.
set -u
list=$top_srcdir/tests/mutants.list
passed=0 failed=0

suites_of() { sed 's/#.*//; /^[[:space:]]*$/d' "$list" | awk -F '|' '{ gsub(/ /, "", $1); gsub(/ /, "", $2); print $1, $2 }'; }
wanted() { [ $# = 1 ] || case " ${*:2} " in *" $1 "*) ;; *) return 1 ;; esac; }
run_suite() { # BUILDDIR SUITE LOG
	top_builddir=$1 PATH=$1/src:$1/fusefs:$PATH bash "$top_srcdir/tests/integration/test-$2.sh" >"$3" 2>&1 </dev/null
}

base=$top_builddir/build-mutants
mkdir -p "$base"
declare -A sound=()
while read -r name suite; do
	wanted "$name" "$@" || continue
	if [ -z "${sound[$suite]:-}" ]; then
		if run_suite "$top_builddir" "$suite" "$base/sound-$suite.log" && grep -q '^ok' "$base/sound-$suite.log"; then
			sound[$suite]=yes
		else
			sound[$suite]=no
			echo "FAIL: the suite '$suite' fails without any mutant: $base/sound-$suite.log"
		fi
	fi
	if [ "${sound[$suite]}" = no ]; then
		failed=$((failed + 1))
		continue
	fi
	dir=$base/$name
	mkdir -p "$dir"
	if [ ! -e "$dir/Makefile" ] &&
		! (cd "$dir" && "$top_srcdir/configure" -q --with-mutant="$name" >configure.log 2>&1); then
		echo "FAIL: $name: cannot configure, see $dir/configure.log"
		failed=$((failed + 1))
		continue
	fi
	if ! grep -rqs "MUTANT_$name\\b" "$top_srcdir/src" "$top_srcdir/fusefs" \
		"$top_srcdir/shiftfs-fallback"; then
		echo "FAIL: $name: no MUTANT_$name anywhere in the sources"
		failed=$((failed + 1))
		continue
	fi
	if ! make -C "$dir" -s -j"$(nproc)" all tests/lib/under tests/lib/attack tests/lib/shift-mount tests/lib/mediated tests/lib/mount-fuzz >"$dir/make.log" 2>&1; then
		echo "FAIL: $name: does not build, see $dir/make.log"
		failed=$((failed + 1))
		continue
	fi
	if run_suite "$dir" "$suite" "$dir/$suite.log"; then
		echo "FAIL: $name: the suite '$suite' did not notice, see $dir/$suite.log"
		failed=$((failed + 1))
	else
		echo "ok: $name: $suite: $(grep -m 1 '^not ok' "$dir/$suite.log" || tail -n 1 "$dir/$suite.log")"
		passed=$((passed + 1))
	fi
done < <(suites_of)
echo "$passed mutants noticed, $failed not"
[ $failed = 0 ] && [ $passed -gt 0 ]
