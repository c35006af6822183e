# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Words for tests of the launcher. Sourced by tap.sh.

# The built program with this script's state directory.
cloister() { command cloister --root "$state" "$@"; }
launch() { cloister launch "$@"; }

# A container name that no other script uses: cgroup names are the machine's.
cname() { echo "t$$-$1"; }

# launch_detached NAME [OPTION…] [-- COMMAND…]: a container that init_pid can find. Returns its status.
launch_detached() {
	local name=$1
	shift
	launch --detach --name "$name" --env "CNAME=$name" "$@" </dev/null >"$tap_dir/$name.out" 2>&1 || {
		diag "launch --detach $name: $(cat "$tap_dir/$name.out")"
		return 1
	}
}

# The host's pid of a container's first process: it has CNAME in its environment and is pid 1 inside.
# One process looks at all: under emulation a few hundred take seconds.
init_pid() {
	local p
	for p in $(grep -lzsxF "CNAME=$1" /proc/[0-9]*/environ); do
		p=${p%/environ}
		awk '/^NSpid:/ && NF == 3 && $3 == 1 { found = 1 } END { exit !found }' "$p/status" || continue
		echo "${p#/proc/}"
		return 0
	done
	return 1
}

# The container's cgroup directory of a controller on the host.
cgroup_dir() { # PID CONTROLLER
	local path
	path=$(awk -F: -v c="$2" '{ n = split($2, l, ","); for (i = 1; i <= n; i++) if (l[i] == c) { print $3; exit } }' "/proc/$1/cgroup")
	if [ -n "$path" ]; then
		echo "/sys/fs/cgroup/$2$path"
	else
		path=$(awk -F: '$1 == 0 { print $3 }' "/proc/$1/cgroup")
		[ -e /sys/fs/cgroup/cgroup.controllers ] && echo "/sys/fs/cgroup$path" || echo "/sys/fs/cgroup/unified$path"
	fi
}

# json FILE EXPRESSION: python's view of a JSON document, `d` being the document.
json() { python3 -IS -c 'import json,sys; d=json.load(sys.stdin); r=eval(sys.argv[1]); print(r if isinstance(r,str) else json.dumps(r))' "$1"; }

# A directory tree with busybox and our attack program, on disk.
make_root() {
	local dir=$1 applets applet
	mkdir -p "$dir"/{bin,sbin,etc,proc,sys,dev,tmp,root,home,mnt,run,var/tmp,usr/bin}
	chmod 1777 "$dir/tmp" "$dir/var/tmp"
	cp "$(type -P busybox)" "$dir/bin/busybox"
	applets=$("$dir/bin/busybox" --list)
	# One process where it can be: under emulation 300 take half a minute.
	python3 -IS -c 'import os, sys; os.chdir(sys.argv[1]); [os.symlink("busybox", a) for a in sys.argv[2].split() if not os.path.lexists(a)]' \
		"$dir/bin" "$applets" 2>/dev/null || for applet in $applets; do
		[ -e "$dir/bin/$applet" ] || ln -s busybox "$dir/bin/$applet"
	done
	[ ! -x "$attack" ] || cp "$attack" "$dir/bin/attack"
	printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n' >"$dir/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\n' >"$dir/etc/group"
}

# A shared directory: files of root and of 1000, a suid program, a nested directory.
make_volume() {
	local dir=$1
	mkdir -p "$dir/sub"
	echo root >"$dir/of-root"
	echo user >"$dir/of-1000"
	echo nobody >"$dir/of-65534"
	chown 1000:1000 "$dir/of-1000"
	chown 65534:65534 "$dir/of-65534"
}

# A kernel that cannot ID-map takes only trees that the container's ids own on disk: give it those, so
# that everything else is tried there too. DIR [BASE]: the range is that of the first container.
shift_owners() {
	local dir=$1 base=${2:-100000} id
	have idmap && return 0
	for id in $(find "$dir" -printf '%U\n' | sort -un); do
		[ "$id" -ge 65536 ] || find "$dir" -uid "$id" -exec chown -h "$((base + id)):$((base + id))" {} +
	done
}

# cgroup_has CONTROLLER: does some mounted hierarchy have it?
cgroup_has() {
	[ -d "/sys/fs/cgroup/$1" ] || grep -qw "$1" /sys/fs/cgroup/cgroup.controllers 2>/dev/null
}

# Pids of living processes of this script's family by name (extended regex on the command name).
family() {
	ps -e -o pid= -o ppid= -o stat= -o comm= | awk -v top="$PPID" -v want="^($1)\$" '
		{ parent[$1] = $2; comm[$1] = $4; stat[$1] = $3 }
		END {
			for (p in parent) {
				if (comm[p] !~ want || stat[p] ~ /^[ZX]/) continue
				# Pids that were used again while ps looked can make a ring.
				for (q = p; q in parent && q > 1 && n[p]++ < 64; q = parent[q])
					if (parent[q] == top) { print p; break }
			}
		}'
}

# Does a container start at all on this machine, with this kind of root? On a kernel that cannot
# ID-map the launcher has to say so; then the suite has no subject.
need_containers() {
	local out
	out=$(launch "$@" -- /bin/true 2>&1 </dev/null) && return 0
	if ! have idmap && grep -qiE 'id-?map|map user ids' <<<"$out"; then
		pass "without ID-mapped mounts the launcher says so"
		skip idmap "everything else"
		done_testing
	fi
	fail "a container starts"
	diag "$out"
	done_testing
}

# What an inside script printed: OK, BAD, SKIP lines, a tab, the description, a tab, the details.
report_inside() {
	local verdict desc details
	while IFS=$'\t' read -r verdict desc details; do
		case $verdict in
		OK) pass "$1: $desc" ;;
		BAD) fail "$1: $desc"; [ -z "$details" ] || diag "$details" ;;
		*) diag "$1 said: $verdict $desc $details" ;;
		esac
	done
}
