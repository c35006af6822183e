#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Malformed and hostile bundles: one clear line, the same in the engine's log, exit status 1, and the host
# as before. The table is in tests/lib/bad-bundles.py.
export TEST_TIMEOUT=${TEST_TIMEOUT:-600}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3; gate idmap
bundle=$work/bundle
make_root "$bundle/rootfs"
need_containers --rootfs "$bundle/rootfs"
cloister spec --bundle "$bundle"
cp "$bundle/config.json" "$work/good.json"

### What hostile bundles point at
mkdir "$work/canary"; echo canary >"$work/canary/file"
touch "$work/a-file"; mkfifo "$work/a-fifo"
ln -s loop-b "$work/loop-a"; ln -s loop-a "$work/loop-b"; ln -s nowhere "$work/dangling"
# make_links ROOT: a directory of traps for mount targets.
make_links() {
	mkdir -p "$1/links"
	ln -s / "$1/links/root"; ln -s .. "$1/links/up"
	ln -s loop-b "$1/links/loop-a"; ln -s loop-a "$1/links/loop-b"
	ln -s "$work/canary" "$1/links/host"
	ln -s "../../../../../../../../../..$work/canary" "$1/links/relative-host"
	ln -s nowhere "$1/links/dangling"; ln -s /proc "$1/links/proc"
	ln -s /proc/self/root "$1/links/magic-root"; ln -s /proc/self/cwd "$1/links/magic-cwd"
	ln -s /proc/self/fd/3 "$1/links/magic-fd"; ln -s /proc/1/root "$1/links/init-root"
}
make_links "$bundle/rootfs"

### The host as before
prefix=$(cname bad)
watch_host() {
	coproc HOST { exec python3 "$tests_lib/host-same.py" "$state" "$prefix" "$work/canary" "$work/a-file" "$work/a-fifo" "$work/loop-a" "$work/dangling"; }
	read -r -t 20 host_said <&"${HOST[0]}"
	[ "$host_said" = ready ] || { echo "Bail out! nobody watches the host"; exit 99; }
}
# Nothing if it is as before, else what is not.
host_differs() {
	echo "?" >&"${HOST[1]}"
	read -r -t 20 host_said <&"${HOST[0]}" || host_said="nobody watches the host"
	[ "$host_said" != same ]
}

# complaint STATUS REGEX: why the last command's answer is not one clear line, or nothing.
complaint() {
	local n
	[ "$1" = "$want_status" ] || echo "status $1, not $want_status"
	n=$(grep -c '' "$tap_dir/stderr")
	[ "$n" = 1 ] || echo "$n lines on stderr"
	grep -Eq -- "$2" "$tap_dir/stderr" || echo "the line does not match $2"
	[ "$(wc -c <"$tap_dir/stderr")" -lt 2500 ] || echo "the line is endless"
	[ ! -s "$tap_dir/stdout" ] || echo "something on stdout"
	cp "$work/case.log" "$work/said/$serial.log"
	cp "$tap_dir/stderr" "$work/said/$serial.stderr"
}
# call ARG…: cloister with a log; its exit status. More than 30 seconds is a hang.
call() {
	rm -f "$work/case.log"
	timeout -k 5 30 cloister --root "$state" --log "$work/case.log" --log-format json "$@" \
		</dev/null >"$tap_dir/stdout" 2>"$tap_dir/stderr"
}
serial=0 want_status=1
# verdict DESC WHAT-IS-WRONG [clean]: deletes what is there, and looks at the host.
verdict() {
	local wrong=$2
	if [ -z "${3:-}" ]; then
		if ! cloister delete --force "$id" >"$tap_dir/delete" 2>&1; then wrong+=" delete: $(cat "$tap_dir/delete")"; fi
		! host_differs || wrong+=" the host differs: $host_said"
	fi
	if [ -z "$wrong" ]; then pass "$1"; return; fi
	fail "$1"
	diag "$wrong"
	diag "$(head -c 1500 "$tap_dir/stderr")"
}
refused() { # REGEX DESC ARG…
	local regex=$1 desc=$2 wrong clean=clean
	shift 2
	id=$prefix-$((serial += 1))
	call "$@" "$id"
	wrong=$(complaint $? "$regex")
	# Without a delete: a refusal leaves nothing by itself.
	! host_differs || { wrong+=" left by itself: $host_said" clean=; }
	verdict "$desc" "$wrong" $clean
}
# Either refused in one line, or made and able to be deleted; in no case hung.
either() { # REGEX DESC ARG…
	local regex=$1 desc=$2 wrong='' status started
	shift 2
	id=$prefix-$((serial += 1))
	call "$@" "$id"
	status=$?
	case $status in
	0) # What start has to say against it then, it says in one line.
		[ "$1" != create ] || call start "$id" || { started=$?; wrong=$(want_status=$started complaint $started "$regex"); } ;;
	126 | 127) wrong=$(want_status=$status complaint $status "$regex") ;;
	*) wrong=$(complaint $status "$regex") ;;
	esac
	verdict "$desc ($([ $status = 0 ] && echo made || echo refused))" "$wrong"
}
start_refused() { # REGEX DESC ARG…
	local regex=$1 desc=$2 wrong=''
	shift 2
	id=$prefix-$((serial += 1))
	call "$@" "$id" || wrong="create: $(cat "$tap_dir/stderr")"
	call start "$id"
	wrong+=$(complaint $? "$regex")
	verdict "$desc" "$wrong"
}
warned() { # REGEX DESC ARG…
	local wrong='' regex=$1 desc=$2
	shift 2
	id=$prefix-$((serial += 1))
	call "$@" "$id" || wrong="status $?"
	grep -Eq "\"warning\".*($regex)" "$work/case.log" || wrong+="no warning in the log"
	verdict "$desc" "$wrong"
}

mkdir "$work/cases" "$work/said"
python3 "$tests_lib/bad-bundles.py" "$work/good.json" "$work" "$work/cases" >"$tap_dir/table" || exit 99
watch_host
while IFS=$'\t' read -r number expected regex desc; do
	args=(--bundle "$bundle" --config "$work/cases/$number.json")
	want_status=${expected#refused}
	case $want_status in *[!0-9]* | '') want_status=1 ;; esac
	case $expected in
	refused*) want_status=1 refused "$regex" "create: $desc" create "${args[@]}"
		# `run` goes another way from where the container is made; every third is enough.
		[ $((number % 3)) != 0 ] || refused "$regex" "run: $desc" run "${args[@]}" ;;
	start) start_refused "$regex" "start: $desc" create "${args[@]}"
		refused "$regex" "run: $desc" run "${args[@]}" ;;
	either) either "$regex" "create: $desc" create "${args[@]}" ;;
	warned) warned "$regex" "create: $desc" create "${args[@]}" ;;
	*) fail "unknown expectation $expected" ;;
	esac
done <"$tap_dir/table"
want_status=1
below 300 "$(wc -l <"$tap_dir/table")" "the table has its hundreds of lines"

### A poststop hook that hangs or fails: a warning, and the container is gone
for hook in '{"path":"/bin/false"}' '{"path":"/bin/sleep","args":["sleep","1000"],"timeout":1}' '{"path":"/no/such/hook"}'; do
	id=$prefix-$((serial += 1))
	python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); d["process"].update(terminal=False,args=["true"]); d["hooks"]={"poststop":[json.loads(sys.argv[2])]}; json.dump(d,open(sys.argv[3],"w"))' \
		"$work/good.json" "$hook" "$work/cases/poststop.json"
	wrong=
	call create --bundle "$bundle" --config "$work/cases/poststop.json" "$id" || wrong="create: $(cat "$tap_dir/stderr")"
	call delete "$id" || wrong+="delete: status $?"
	grep -q '"warning".*poststop' "$work/case.log" || wrong+="no warning of the hook"
	verdict "poststop $hook" "$wrong"
done

### Options
python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); d["process"].update(terminal=False,args=["true"]); json.dump(d,open(sys.argv[2],"w"))' "$work/good.json" "$bundle/config.json"
b=(create --bundle "$bundle")
refused 'no/such' "a bundle that is not there" create --bundle /no/such/bundle
refused 'a-file' "a bundle that is a file" create --bundle "$work/a-file"
refused 'a-fifo' "a configuration that is a fifo" create --bundle "$bundle" --config "$work/a-fifo"
refused '/dev/zero' "a configuration that is a device" create --bundle "$bundle" --config /dev/zero
refused 'loop-a' "a configuration that is a loop" create --bundle "$bundle" --config "$work/loop-a"
refused 'pid-file.*no/such' "a pid file in a directory that is not there" "${b[@]}" --pid-file /no/such/pid
refused 'pid-file' "a pid file that is a directory" "${b[@]}" --pid-file "$work/canary"
refused 'preserve-fds' "a descriptor to preserve that is closed" "${b[@]}" --preserve-fds 5
refused 'preserve-fds' "too many descriptors" "${b[@]}" --preserve-fds 100000
refused 'preserve-fds' "no number of descriptors" "${b[@]}" --preserve-fds moon
refused 'preserve-fds' "a negative number of descriptors" "${b[@]}" --preserve-fds -1
refused 'console-socket' "a console socket without a terminal" "${b[@]}" --console-socket "$work/no-socket"
python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); d["process"].update(terminal=True,args=["true"]); json.dump(d,open(sys.argv[2],"w"))' "$work/good.json" "$work/cases/terminal.json"
t=(create --bundle "$bundle" --config "$work/cases/terminal.json")
refused 'console-socket' "a terminal without a console socket" "${t[@]}"
refused 'console-socket.*no-socket' "a console socket that is not there" "${t[@]}" --console-socket "$work/no-socket"
refused 'console-socket.*a-file' "a console socket that is a file" "${t[@]}" --console-socket "$work/a-file"
refused 'console-socket.*a-fifo' "a console socket that is a fifo" "${t[@]}" --console-socket "$work/a-fifo"
refused 'console-socket' "a console socket with a long path" "${t[@]}" --console-socket "/$(printf 'x%.0s' {1..200})"
python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$work/case.sock"
refused 'pidfd-socket.*no-socket' "a pidfd socket that is not there" "${b[@]}" --pidfd-socket "$work/no-socket"
refused 'console-socket.*case.sock' "a console socket on which nobody listens" "${t[@]}" --console-socket "$work/case.sock"
id=$prefix-ids
for bad_id in ../x a/b .hidden '' "$(printf 'x%.0s' {1..2000})" $'a\nb' 'a b'; do
	call "${b[@]}" "$bad_id"
	verdict "the id '${bad_id:0:12}'" "$(complaint $? 'ID')"
done

# A device as standard descriptor stays the host's; what other runtimes do to /dev/null is not repeated.
if mknod "$work/null" c 1 3 && { : <"$work/null"; } 2>/dev/null; then
	cloister run --bundle "$bundle" "$prefix-null" <"$work/null" >"$work/null" 2>&1
	is "$? $(stat -c %u:%g "$work/null")" "0 0:0" "a device that is standard input and output keeps its owner"
fi
rm -f "$work/null"

### Images
# Anew: the table has left its thousands of mount points.
rm -rf --one-file-system "$bundle/rootfs"
make_root "$bundle/rootfs"
# image DESC CHANGE: a root file system changed by the shell text CHANGE (in its root); it starts or is refused.
image() {
	local root=$work/case-image
	rm -rf --one-file-system "$root"
	mkdir -p "$root"
	cp -al "$bundle/rootfs" "$root/"
	(cd "$root/rootfs" && eval "$2") || { fail "$1: cannot be laid out"; return; }
	cp "$bundle/config.json" "$root/"
	either '.' "image: $1" run --bundle "$root"
}
for dir in proc sys dev; do
	image "/$dir is a symlink to the host's path" "rm -rf $dir; ln -s '$work/canary' $dir"
	image "/$dir is a relative symlink out of the root" "rm -rf $dir; ln -s '../../../../../../../..$work/canary' $dir"
	image "/$dir is a symlink to /" "rm -rf $dir; ln -s / $dir"
	image "/$dir is a symlink to another" "rm -rf $dir; mkdir else; ln -s else $dir"
	image "/$dir is a symlink to itself" "rm -rf $dir; ln -s $dir $dir"
	image "/$dir is a file" "rm -rf $dir; touch $dir"
	image "/$dir is a fifo" "rm -rf $dir; mkfifo $dir"
	image "/$dir is not there" "rm -rf $dir"
	image "/$dir has another's files" "touch $dir/null $dir/self $dir/kernel; ln -s '$work/canary' $dir/shm"
done
image "/dev is a symlink to /proc" "rm -rf dev; ln -s proc dev"
image "/proc is a symlink to /sys" "rm -rf proc; ln -s sys proc"
image "/sys is a symlink to /proc/self/root" "rm -rf sys; ln -s /proc/self/root sys"
image "/etc is a symlink out" "rm -rf etc; ln -s '$work/canary' etc"
image "/bin/true is a fifo" "rm -f bin/true; mkfifo bin/true"
image "/bin/true is a directory" "rm -f bin/true; mkdir bin/true"
image "/bin/true is a symlink to itself" "ln -sf true bin/true"
image "the root is empty" "find . -mindepth 1 -delete"
for file in resolv.conf hosts hostname; do
	for change in "ln -s '$work/canary/file'" "ln -s /" "ln -s $file" "mkfifo" "mkdir"; do
		image "/etc/$file: ${change//$work/…}" "rm -rf etc/$file; $change etc/$file"
	done
done
rm -rf --one-file-system "$work/case-image"

# Under /dev everything is the image's where the specification mounts no /dev of its own.
python3 - "$bundle/config.json" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
d["mounts"] = [m for m in d["mounts"] if m["destination"] != "/dev"]
for target in ("/dev/pts", "/dev/shm", "/dev/mqueue"):
    if not any(m["destination"] == target for m in d["mounts"]):
        d["mounts"].append({"destination": target, "type": "tmpfs"})
json.dump(d, open(sys.argv[1], "w"))
PY
for dir in pts shm mqueue; do
	for change in "ln -s '$work/canary'" "ln -s /" "ln -s /proc/self/fd" mkfifo touch; do
		image "/dev/$dir, without a /dev: ${change//$work/…}" "$change dev/$dir"
	done
done
rm -rf --one-file-system "$work/case-image"

### The engine's log
python3 - "$work/said" >"$tap_dir/records" <<'PY'
import glob, json, sys
for path in glob.glob(sys.argv[1] + "/*.log"):
    said = open(path[:-3] + "stderr", errors="surrogateescape").read().strip()
    try:
        records = [json.loads(line) for line in open(path, errors="surrogateescape")]
    except ValueError as e:
        records = [{"level": "unreadable", "msg": str(e)}]
    errors = [r for r in records if r["level"] == "error"]
    if len(errors) != 1 or not errors[0]["msg"] or errors[0]["msg"] not in said:
        print(f"{said[:200]!r}: {records!r:.300}")
PY
is "$(cat "$tap_dir/records")" "" "each line is one record of level error in the engine's log ($(find "$work/said" -name '*.log' | wc -l) of them)"
eval "exec ${HOST[1]}>&-"
wait "$HOST_PID"
is "$(cat "$work/canary/file")" canary "the host's file is untouched"
done_testing
