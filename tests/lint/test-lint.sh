#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What can be seen without running anything: scripts, spelling, man pages against programs.
TEST_NO_LOCK=1
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
cd "$top_srcdir" || exit 99

if have tool-shellcheck; then
	mapfile -t scripts < <(find bootstrap .ci/run tests -type f \( -name '*.sh' -o -name bootstrap -o -name run -o -name '*-init' \))
	# SC1090/SC1091: sourced files and their variables (SC2034, SC2153, SC2154) are found at run time; SC2015: `a && b || c` on purpose in tests;
	# SC2016: single quotes hold what another shell is to expand; SC2317: functions called by name.
	# One at a time, and not with all that it sources (-x), which would be gone through again for each: a fourth of the time.
	each_script() {
		printf '%s\0' "${scripts[@]}" |
			xargs -0 -n 1 shellcheck -S warning -e SC1090,SC1091,SC2015,SC2016,SC2034,SC2153,SC2154,SC2187,SC2317
	}
	ok "shellcheck" each_script
else
	skip tool-shellcheck "shellcheck"
fi
if have tool-codespell; then
	mapfile -t texts < <(find . \( -name build -o -name 'build-*' -o -name .git -o -name autom4te.cache \) -prune -o \
		-type f \( -name '*.[ch1578]' -o -name '*.md' -o -name '*.sh' -o -name '*.am' -o -name '*.ac' -o -name README \) -print)
	ok "codespell" codespell -L ro,fo,te,ue,hist,crate,isnt,nd,clos,ot,nknown,inh "${texts[@]}"
else
	skip tool-codespell "codespell"
fi

for page in doc/*.[0-9]; do
	[ -e "$page" ] || continue
	if have tool-groff; then
		is "$(LC_ALL=C groff -man -Tutf8 -ww -z "$page" 2>&1)" "" "$page: no warning from groff"
	else
		skip tool-groff "$page: no warning from groff"
	fi
	name=$(sed -n '/^\.SH NAME/{n;p;q}' "$page")
	like "$name" '\\-|\\\(en' "$page: NAME has a one-line description"
done

# Every option of --help is in the man page, and the other way round. Options of a page: what stands
# in bold at the start of a .TP's line.
help_options() { grep -oE -- '(^|[ ,[])--[a-z][a-z-]+' | tr -d ' ,[' | sort -u; }
page_options() { sed 's/\\-/-/g; s/\\f[BIRP]//g' "$1" | grep -vE '^\.?\\"' | help_options; }
check_page() {
	local page=$1 texts
	shift
	texts=$("$@" --help 2>&1) || { fail "$1 --help works"; return; }
	if [ "${1##*/}" = cloister ]; then
		for sub in launch create start run state exec kill delete list status check pause resume reload update ps events spec features policy docker-setup containerd-setup podman-setup; do
			texts+=$'\n'$("$1" $sub --help 2>&1)
		done
	fi
	comm -23 <(help_options <<<"$texts") <(page_options "$page") >"$tap_dir/undocumented"
	is "$(tr '\n' ' ' <"$tap_dir/undocumented")" "" "$page documents every option of ${1##*/} --help"
	comm -13 <(help_options <<<"$texts") <(page_options "$page") >"$tap_dir/imagined"
	is "$(tr '\n' ' ' <"$tap_dir/imagined")" "" "$page documents no option that ${1##*/} --help lacks"
}
for program in src/cloister fusefs/cloister-fs; do
	[ -x "$top_builddir/$program" ] && [ -e "doc/${program##*/}.1" ] || continue
	check_page "doc/${program##*/}.1" "$top_builddir/$program"
	like "$("$top_builddir/$program" --version)" '[0-9]+\.[0-9]+' "${program##*/} --version"
done
if [ -x "$top_builddir/shiftfs-fallback/shiftfs" ]; then
	check_page doc/shiftfs.8 "$top_builddir/shiftfs-fallback/shiftfs"
	check_page doc/mount.shiftfs.8 "$top_builddir/shiftfs-fallback/mount.shiftfs"
fi
if have tool-python3; then
	is "$(python3 tests/lib/proxy-table.py src/sockproxy/commands.c doc/cloister-sockproxy.8 2>&1)" "" \
		"doc/cloister-sockproxy.8 says of each command what it blocks and opens"
else
	skip tool-python3 "doc/cloister-sockproxy.8 says of each command what it blocks and opens"
fi

# What Tab offers: the words of the line, the last of which is to be completed.
completed() {
	bash -c 'compopt() { :; }
		. doc/completion/cloister.bash
		COMP_WORDS=(cloister "$@") COMP_CWORD=$#
		_cloister
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}
cloister=$top_builddir/src/cloister
if [ -x "$cloister" ]; then
	root=$tap_dir/state
	mkdir -p "$root/web"
	# --cgroup of exec and the two of resctrl are refused by Cloister.
	refused='^--(cgroup|l3-cache-schema|mem-bw-schema)$'
	commands=$("$cloister" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | grep -vx 'checkpoint\|restore')
	comm -3 <(sort <<<"$commands") <(completed help '' | sort) >"$tap_dir/uncompleted"
	is "$(tr -d '\t' <"$tap_dir/uncompleted" | tr '\n' ' ')" "" "completion: each command of cloister --help"
	for sub in '' $commands; do
		# shellcheck disable=SC2086
		comm -3 <("$cloister" $sub --help | grep -oE -- '(^ +|[,[] ?|\.\.\. )(-[a-z], )?--[a-z][a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+$' |
			grep -vE "$refused" | sort -u) <(completed $sub -- | sort -u) >"$tap_dir/uncompleted"
		is "$(tr -d '\t' <"$tap_dir/uncompleted" | tr '\n' ' ')" "" "completion: each option of cloister ${sub:+$sub }--help"
	done
	is "$(completed --log "$root/log" lau)" launch "completion: a command behind an option and its value"
	is "$(completed --log-format j)" json "completion: of that value"
	is "$(completed --root "$root" exec --user 1:1 w)" web "completion: exec's container behind options and values"
	is "$(completed --root "$root" kill -a web TE)" TERM "completion: kill's signal behind an option"
	is "$(completed list --format '' | tr '\n' ' ')" "table json " "completion: a format"
	is "$(completed launch --memory 5)" 512m "completion: a value of launch"
	is "$(completed launch --name web -v /a:/b --rm ech)" echo "completion: launch's command behind options and values"
	rm -r "$root"
fi
# As `make installcheck` and distcheck ask it of all that is installed.
for program in src/cloister{,-warden,-sockproxy,-systemd} fusefs/cloister-fs shiftfs-fallback/{,mount.}shiftfs; do
	[ -x "$top_builddir/$program" ] || continue
	for option in --help --version; do
		ok "${program##*/} $option" "$top_builddir/$program" $option
	done
done
pass "looked"
done_testing
