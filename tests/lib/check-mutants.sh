#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# check-mutants.sh [NAME…]
#
# For each line of tests/mutants.list: build the programs with that protection removed, run the named
# suite up to the first line that fails, and tell which it was. A suite that ends without such a line
# has noticed nothing. First the suite runs on the sound build: one that always fails proves nothing.
# That it passed is remembered (build-mutants/sound-SUITE) until programs or tests change. All mutants
# share one build tree (build-mutants/ below the build tree), where only the objects of the sources that
# this mutant and the last one are in get compiled again. All of it runs in a mount namespace of its
# own: what others mount meanwhile is not taken for what a mutant left.
#
# MUTANT_JOBS=N: how many compilers at once. The table is kept in build-mutants/table.
set -u
[ -n "${CHECK_MUTANTS_ALONE:-}" ] || CHECK_MUTANTS_ALONE=1 exec unshare -m --propagation private bash "$0" "$@"
: "${top_srcdir:?}" "${top_builddir:?}"
list=$top_srcdir/tests/mutants.list
base=$top_builddir/build-mutants
tree=$base/tree
jobs=${MUTANT_JOBS:-$(nproc)}
killed=0 failed=0 all=()
declare -A sound=()

die() { echo "check-mutants: $*" >&2; exit 2; }
mutants() { sed 's/#.*//; /^[[:space:]]*$/d' "$list" | awk -F '|' '{ gsub(/ /, "", $1); gsub(/ /, "", $2); print $1, $2 }'; }
sources_of() { (cd "$top_srcdir" && grep -rlw "MUTANT_$1" --include='*.[ch]' src fusefs shiftfs-fallback); }
# All programs that a suite may start.
helpers() {
	sed -n 's/^check_PROGRAMS += //p' "$top_srcdir/tests/Makemodule.am" | tr ' ' '\n' | sed -n 's|^%D%/lib/|tests/lib/|p'
	echo tests/unit/test-identity
}

report() { # RESULT NAME SUITE TEXT
	printf '%-8s %-20s %-16s %s\n' "$@" | tee -a "$base/table"
	case $1 in killed) killed=$((killed + 1)) ;; *) failed=$((failed + 1)) ;; esac
}

# `all` is a make of its own, which would build the same libraries at the same time: all-am.
make_tree() { # [VARIABLE=VALUE…]
	# shellcheck disable=SC2046
	make -C "$tree" -s -j"$jobs" "$@" all-am $(helpers)
}

# The tree as it is configured here, sound.
tree_ready() {
	[ ! "$tree/.ready" -nt "$top_srcdir/configure" ] || return 0
	rm -rf "$tree"
	mkdir -p "$tree" || exit 2
	(cd "$tree" && eval "\"$top_srcdir/configure\" -q $("$top_builddir/config.status" --config) --disable-werror") \
		>"$base/configure.log" 2>&1 || die "cannot configure, see $base/configure.log"
	make_tree >"$base/make.log" 2>&1 || die "the sound tree does not build, see $base/make.log"
	touch "$tree/.ready"
}

# Objects that are made of a source, by what the compiler said they depend on.
forget_objects() { # SOURCE…
	local source po object
	for source in "$@"; do
		while IFS= read -r po; do
			object=${po/.deps\//}
			rm -f "$tree/${object%.Po}.o"
		done < <(cd "$tree" && find . -name '*.Po' -exec grep -lF "/$source" {} +)
	done
}

# What is removed is written down first: a build that is interrupted leaves objects of that mutant.
build_mutant() { # NAME
	# shellcheck disable=SC2046
	{
		echo "$1" >>"$tree/.mutants"
		forget_objects $(while read -r m; do sources_of "$m"; done <"$tree/.mutants" | sort -u)
		make_tree MUTANT_CPPFLAGS="-DMUTANT_$1" && echo "$1" >"$tree/.mutants"
	} >"$base/$1.make.log" 2>&1
}

run_suite() { # BUILDDIR SUITE LOG
	top_builddir=$1 PATH=$1/src:$1/fusefs:$PATH TAP_STOP=1 bash "$top_srcdir/tests/integration/test-$2.sh" >"$3" 2>&1 </dev/null
}

# Nothing has changed since FILE that a suite may run: programs, suites and what both stand on.
unchanged_since() { # FILE
	[ -e "$1" ] && [ -z "$(find "$top_builddir"/{src,fusefs,shiftfs-fallback} "$top_builddir"/tests/{lib,unit} \
		"$top_srcdir"/tests/{integration,lib,fixtures} -name __pycache__ -prune -o -type f -newer "$1" -print -quit)" ]
}

# Does the suite pass on the sound build? Asked once, and again when something has changed.
is_sound() { # SUITE
	if [ -z "${sound[$1]:-}" ]; then
		sound[$1]=no
		if unchanged_since "$base/sound-$1"; then
			sound[$1]=yes
		elif : >"$base/begun" && run_suite "$top_builddir" "$1" "$base/sound-$1.log" && grep -q '^ok' "$base/sound-$1.log"; then
			mv "$base/begun" "$base/sound-$1"
			sound[$1]=yes
		fi
	fi
	[ "${sound[$1]}" = yes ]
}

try_mutant() { # NAME SUITE
	local log=$base/$1.log line
	[ -n "$(sources_of "$1")" ] || { report absent "$1" "$2" "no MUTANT_$1 in the sources"; return; }
	is_sound "$2" || { report unsound "$1" "$2" "fails without a mutant, or is skipped: $base/sound-$2.log"; return; }
	build_mutant "$1" || { report unbuilt "$1" "$2" "see $base/$1.make.log"; return; }
	if run_suite "$tree" "$2" "$log"; then
		report SURVIVED "$1" "$2" "no line of the suite fails, see $log"
	elif line=$(grep -m 1 '^not ok' "$log"); then
		report killed "$1" "$2" "${line#not ok }"
	else
		report broken "$1" "$2" "ended without a line that fails, see $log"
	fi
}

[ $# -gt 0 ] || mapfile -t all < <(mutants)
for name; do
	line=$(mutants | grep "^$name ") || die "$name is not in $list"
	all+=("$line")
done
mkdir -p "$base" || exit 2
: >"$base/table"
tree_ready
for line in "${all[@]}"; do
	# shellcheck disable=SC2086
	try_mutant $line
done
echo "$killed killed, $failed not"
[ $failed = 0 ] && [ $killed -gt 0 ]
