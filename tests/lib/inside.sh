# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Words for scripts that run inside a container, with busybox's sh. Each prints one line: OK or BAD, a
# tab, the description, a tab, details; report_inside turns them into tests.

verdict() {
	[ -z "${3-}" ] || set -- "$1" "$2" "$(echo "$3" | tr '\n\t' '  ')"
	printf '%s\t%s\t%s\n' "$1" "$2" "${3-}"
}
# refused DESC CMD…: must fail, and not because the attack itself was misspelled.
refused() {
	desc=$1
	shift
	out=$("$@" 2>&1 </dev/null)
	case $? in
	0) verdict BAD "refused: $desc" "it worked: $* $out" ;;
	2 | 126 | 127) verdict BAD "refused: $desc" "not tried: $* $out" ;;
	*) verdict OK "refused: $desc (${out##* })" ;;
	esac
}
works() {
	desc=$1
	shift
	if out=$("$@" 2>&1 </dev/null); then verdict OK "works: $desc"; else verdict BAD "works: $desc" "$* $out"; fi
}
same() {
	if [ "$1" = "$2" ]; then verdict OK "$3"; else verdict BAD "$3" "got '$1', wanted '$2'"; fi
}
