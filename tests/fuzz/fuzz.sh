#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run by `make fuzz` in the build directory: fuzz each target for $FUZZ_SECONDS, under libFuzzer and
# the sanitizers where there is clang, else with the target's own mutator. What is found new, and
# what crashes, is left in fuzz/ of the build directory; copy what is worth it to tests/fuzz/corpus.
set -eu
: "${top_srcdir:?: run it by make fuzz}" "${top_builddir:?}" "${FUZZ_SECONDS:?}" "${FUZZ_LIBS:?}"

# What a target is made of besides itself, below the source directory.
sources_of() { # NAME
	case $1 in
	# The providers, which need nothing of FUSE.
	views) sed -n '/libviews_a_SOURCES/,/[^\\]$/s/.*%D%\/\([a-z-]*\.c\).*/fusefs\/\1/p' "$top_srcdir/fusefs/Makemodule.am"; echo 'src/lib/*.c' ;;
	mountopts) echo 'shiftfs-fallback/complaint.c shiftfs-fallback/map.c shiftfs-fallback/options.c shiftfs-fallback/options-map.c' ;;
	sockproxy) echo 'src/sockproxy/archive.c src/sockproxy/binds.c src/sockproxy/body.c src/sockproxy/commands.c src/sockproxy/http.c src/sockproxy/request.c src/sockproxy/target.c src/lib/sockcommands.c' ;;
	settings | imageref) echo 'src/policy/*.c src/lib/*.c' ;;
	*) echo 'src/runtime/*.c src/policy/*.c src/lib/*.c' ;;
	esac
}

with_clang() { # TARGET
	local target=$1 name=${1##*/fuzz-} out=$PWD/fuzz/${1##*/} build=$PWD
	mkdir -p "fuzz/$name"
	# The driver has a main of its own, and so has the compiler's library.
	# shellcheck disable=SC2086,SC2046
	(cd "$top_srcdir" && clang -std=gnu11 -g -O1 -w -pthread -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined -I"$build" -Isrc -I. -Itests/fuzz -Ifusefs -DPKGLIBEXECDIR='"/"' -DSYSCONFDIR='"/"' \
		-o "$out" "$target.c" $(sources_of "$name") $FUZZ_LIBS -lm)
	"$out" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
		-artifact_prefix="fuzz/$name-" -dict="$top_srcdir/tests/fuzz/$name.dict" \
		"fuzz/$name" "$top_srcdir/tests/fuzz/corpus/$name"
}

cd "$top_builddir"
mkdir -p fuzz
for target; do
	if command -v clang >/dev/null; then
		with_clang "$target"
	else
		(cd fuzz && "../$target" --mutate "$FUZZ_SECONDS")
	fi
done
