#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The attacks that other runtimes have fallen to, by their CVE numbers, carried out against this one. Where
# an attack depends on a condition of the machine, the test shows that the condition is there.
export TEST_TIMEOUT=${TEST_TIMEOUT:-300}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3; gate idmap
bundle=$work/bundle
root=$bundle/rootfs
make_root "$root"
need_containers --rootfs "$root"
cloister spec --bundle "$bundle"
cp "$bundle/config.json" "$work/good.json"

# What containers are after: a file of the host's, and a directory in which anybody may make files.
mkdir "$work/host" "$work/open"
echo secret >"$work/host/secret-of-the-host"
chmod 1777 "$work/open"
# edit PYTHON: config.json is what `spec` wrote, changed. d: the document, p: process, m: mounts, l: linux.
edit() {
	python3 - "$work/good.json" "$bundle/config.json" "$work" "$1" <<-'PY' || { echo "Bail out! edit: $1"; exit 99; }
	import json, sys
	d = json.load(open(sys.argv[1]))
	work, p, m, l = sys.argv[3], d["process"], d["mounts"], d["linux"]
	p["terminal"] = False
	exec(sys.argv[4].strip())
	json.dump(d, open(sys.argv[2], "w"))
	PY
}
# inside ARG…: run the bundle; what it says is in $out, its status in $status.
serial=0
inside() {
	name=$(cname "$((serial += 1))")
	out=$(timeout -k 5 60 cloister --root "$state" run --bundle "$bundle" "$@" "$name" 2>&1 </dev/null)
	status=$?
	[ $status -lt 124 ] || diag "status $status: ${out:0:500}"
}
# keep PYTHON: a container of the bundle that runs until `drop`; its name is $kept.
keep() {
	edit "p['args'] = ['sleep', '1000']; $1"
	kept=$(cname "kept$((serial += 1))")
	timeout -k 5 60 cloister --root "$state" run -d --bundle "$bundle" "$kept" </dev/null >"$tap_dir/keep" 2>&1 || {
		fail "a container to attack from"; diag "$(cat "$tap_dir/keep")"; }
}
drop() { cloister delete --force "$kept"; }
in_kept() { timeout -k 5 60 cloister --root "$state" exec "$@" </dev/null 2>&1; }
# No file came into the directory where anybody may make some.
nothing_made() { is "$(find "$work/open" "$work/host" -mindepth 1 ! -name secret-of-the-host)" "" "$1"; }

### CVE-2016-9962: a process that joins the container, looked into while it still holds something of the host
cve_2016_9962() {
	keep ''
	in_kept "$kept" attack snoop 4000 >"$tap_dir/snoop" &
	snoop=$!
	end=$((SECONDS + 4)) n=0
	while [ $SECONDS -lt $end ]; do in_kept "$kept" true; n=$((n + 1)); done
	wait $snoop
	is $? 1 "CVE-2016-9962: nothing of a joining process can be opened" || diag "$(head -n 5 "$tap_dir/snoop")"
	like "$(cat "$tap_dir/snoop")" 'met [1-9]' "CVE-2016-9962: and joining processes were there to look at ($(tail -n 1 "$tap_dir/snoop"), $n joined)"
	drop
}

### CVE-2019-5736: the runtime's own program, overwritten from inside
cve_2019_5736() {
	copy=$work/runtime
	cp -r "$top_builddir/src" "$copy"
	# With the program's libraries in the image "#!/proc/self/exe" lives long enough to be seen.
	for lib in $(ldd "$top_builddir/src/cloister" "$top_builddir/src/.libs/cloister" 2>/dev/null | grep -o '/[^ :]*\.so[^ :]*' | sort -u); do
		mkdir -p "$root$(dirname "$lib")"; cp -L "$lib" "$root$lib" 2>/dev/null
	done
	printf '#!/proc/self/exe\n' >"$root/bin/evil"; chmod 755 "$root/bin/evil"
	sum=$(find "$copy" "$top_builddir/src" -type f -perm -100 -exec sha256sum {} + | sort)
	keep ''
	in_kept "$kept" attack overwrite-runtime 5000 >"$tap_dir/overwrite" &
	overwrite=$!
	end=$((SECONDS + 5))
	while [ $SECONDS -lt $end ] && kill -0 $overwrite 2>/dev/null; do
		in_kept "$kept" /bin/evil >/dev/null
		in_kept "$kept" /proc/self/exe --version >/dev/null
	done
	wait $overwrite
	is $? 1 "CVE-2019-5736: the runtime's program cannot be opened for writing" || diag "$(cat "$tap_dir/overwrite")"
	like "$(cat "$tap_dir/overwrite")" 'reached [1-9]' "CVE-2019-5736: and it was within reach ($(tr '\n' ' ' <"$tap_dir/overwrite"))"
	is "$(find "$copy" "$top_builddir/src" -type f -perm -100 -exec sha256sum {} + | sort)" "$sum" "CVE-2019-5736: and it is what it was"
	drop
}

### CVE-2017-5226: characters pushed into the caller's terminal
cve_2017_5226() {
	if [ "$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1)" = 1 ]; then
		# not into the terminals of all who sit at this machine
		out=$(python3 "$tests_lib/terminal.py" -- "$root/bin/attack" push-tty 'echo pushed' own)
		like "$out" 'TYPED.*pushed' "CVE-2017-5226: outside a container the attack works"
		edit 'p["args"] = ["attack", "push-tty", "echo pushed"]; p["capabilities"] = {k: ["CAP_SYS_ADMIN", "CAP_SYS_TTY_CONFIG"] for k in ("bounding", "effective", "permitted")}'
		out=$(python3 "$tests_lib/terminal.py" -- "$(type -P cloister)" --root "$state" run --bundle "$bundle" "$(cname tty)")
		unlike "$out" 'TYPED.*pushed' "CVE-2017-5226: not with the caller's terminal as standard descriptors"
		keep ''
		out=$(python3 "$tests_lib/terminal.py" -- "$(type -P cloister)" --root "$state" exec "$kept" attack push-tty 'echo pushed')
		unlike "$out" 'TYPED.*pushed' "CVE-2017-5226: nor by exec"
		echo '{"args":["attack","push-tty","echo pushed"],"cwd":"/","env":["PATH=/bin"],"user":{"uid":0,"gid":0}}' >"$work/process.json"
		out=$(python3 "$tests_lib/terminal.py" -- "$(type -P cloister)" --root "$state" exec --process "$work/process.json" "$kept")
		unlike "$out" 'TYPED.*pushed' "CVE-2017-5226: nor by exec --process"
		drop
	fi
}

### CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-52881: a false /proc or /sys
cve_2019_16884() {
	# Files that look like those that a runtime writes to; they must stay as they are.
	false_proc() {
		mkdir -p "$1"/{self,1,thread-self}/attr/apparmor "$1/sys/kernel" "$1/sys/net/ipv4"
		for f in self thread-self 1; do
			for g in attr/exec attr/apparmor/exec attr/current oom_score_adj uid_map gid_map setgroups; do echo false >"$1/$f/$g"; done
		done
		for f in sys/kernel/shmmax sys/kernel/domainname sys/net/ipv4/ping_group_range sysrq-trigger kcore keys timer_list; do echo false >"$1/$f"; done
		chmod -R a+rwX "$1"
	}
	look='grep -c . /proc/self/status; cat /proc/sys/kernel/shmmax; for f in kcore keys timer_list sysrq-trigger; do head -c 5 /proc/$f 2>/dev/null; done; echo; stat -f -c %T /proc'
	for kind in image-symlink image-directory volume-before volume-after; do
		rm -rf "${root:?}/proc" "${root:?}/evil" "$work/volume"
		mkdir "$root/proc"
		change=
		case $kind in
		image-symlink) false_proc "${root:?}/evil"; rm -rf "${root:?}/proc"; ln -s evil "${root:?}/proc"; looked=$root/evil ;;
		image-directory) false_proc "$root/proc"; looked=$root/proc ;;
		volume-before) false_proc "$work/volume"; looked=$work/volume
			change='m.insert(0, {"destination": "/proc", "type": "bind", "source": work + "/volume", "options": ["rbind"]});' ;;
		volume-after) false_proc "$work/volume"; looked=$work/volume
			change='m.append({"destination": "/proc", "type": "bind", "source": work + "/volume", "options": ["rbind"]});' ;;
		esac
		before=$(cd "$looked" && find . -type f -printf '%p %s %T@ %C@\n' | sort)
		edit "$change l['sysctl'] = {'kernel.shmmax': '1234567'}; p['args'] = ['sh', '-c', '''$look''']"
		inside
		is "$(cd "$looked" && find . -type f -printf '%p %s %T@ %C@\n' | sort)" "$before" "CVE-2019-19921, CVE-2025-52881 ($kind): nothing was written to the false /proc"
		case $status,$kind in
		0,volume-after) like "$out" '^false' "CVE-2023-27561 ($kind): who asks for a false /proc has one" || diag "$out" ;;
		0,*) unlike "$out" false "CVE-2019-16884, CVE-2023-27561 ($kind): /proc is covered as ever" || diag "$out"
			like "$out" '^1234567$' "CVE-2025-52881 ($kind): and the sysctl is set where it should" || diag "$out" ;;
		*) is "$(wc -l <<<"$out")" 1 "CVE-2023-28642 ($kind): refused in one line ($out)" ;;
		esac
		nothing_made "CVE-2019-16884 ($kind): nor outside"
	done
	rm -rf "${root:?}/proc" "${root:?}/evil" "$work/volume"; mkdir "${root:?}/proc"
	edit 'p["args"] = ["sh", "-c", "ls -d /sys/kernel && ls /sys/fs/evil"]'
	rm -rf "${root:?}/sys"; mkdir -p "${root:?}/evil/fs/evil"; ln -s evil "${root:?}/sys"
	inside
	unlike "$out" '^/sys/kernel$.*evil' "CVE-2023-28642: a /sys that is a symlink is refused, or is the real one"
	rm -rf "${root:?}/sys" "${root:?}/evil"; mkdir "${root:?}/sys"
}

### CVE-2020-5291: power by the program's own file
cve_2020_5291() {
	is "$(find "$top_builddir/src" "$top_builddir/fusefs" -perm /6000 -type f)" "" "CVE-2020-5291: no program is suid"
}

### CVE-2021-30465, CVE-2024-45310: mount points on a volume that another container is changing
cve_2021_30465() {
	mkdir -p "$work/shared/dir"
	ln -s "$work/open" "$work/shared/link"
	chmod -R 0777 "$work/shared"
	keep 'm.append({"destination": "/shared", "type": "bind", "source": work + "/shared", "options": ["rbind"]})'
	in_kept "$kept" attack swap /shared/dir /shared/link /shared/stop >"$tap_dir/swap" &
	swap=$!
	made=0 refused=0 strange=
	for i in $(seq 40); do
		case $((i % 3)) in
		0) mount='{"destination": "/shared/dir/a%d/b/c" % n, "type": "tmpfs"}' ;;
		1) mount='{"destination": "/shared/dir/f%d" % n, "type": "bind", "source": work + "/host/secret-of-the-host", "options": ["bind", "ro"]}' ;;
		2) mount='{"destination": "/shared/dir", "type": "tmpfs"}' ;;
		esac
		edit "n = $i; p['args'] = ['true']; m.append({'destination': '/shared', 'type': 'bind', 'source': work + '/shared', 'options': ['rbind']}); m.append($mount)"
		inside
		[ $status = 0 ] && made=$((made + 1)) || refused=$((refused + 1))
		case $status in 0) ;; 1) [ "$(wc -l <<<"$out")" = 1 ] || strange+="$out" ;; *) strange+="status $status: $out" ;; esac
	done
	touch "$work/shared/stop"
	wait $swap
	like "$(cat "$tap_dir/swap")" 'swapped [1-9][0-9]{2}' "CVE-2021-30465: a directory and a symlink were swapped meanwhile ($(tail -n 1 "$tap_dir/swap"))"
	nothing_made "CVE-2021-30465, CVE-2024-45310: no file or directory was made on the host ($made containers made, $refused refused)"
	is "$strange" "" "CVE-2021-30465: each was made, or refused in one line"
	below 1 "$made" "CVE-2021-30465: and some were made"
	drop
	find "$work/shared" -mindepth 1 -delete
	# The same without a race: then it is certain which of the two was met.
	ln -s "$work/open" "$root/opened"
	for mount in '{"destination": "/opened/new/deep", "type": "tmpfs"}' '{"destination": "/opened/file", "type": "bind", "source": work + "/host/secret-of-the-host", "options": ["bind"]}'; do
		edit "p['args'] = ['true']; m.append($mount)"
		inside
		nothing_made "CVE-2024-45310: mount point behind a symlink to the host: nothing is made there (status $status)"
	done
	rm -rf "${root:?}/opened" "${root:?}${work:?}"
	# Where such a symlink does lead: below the container's own root.
	ln -s /home "$root/away"
	edit 'm.append({"destination": "/away/new/deep", "type": "tmpfs"}); p["args"] = ["grep", "-c", " /home/new/deep ", "/proc/self/mounts"]'
	inside
	is "$status $out" "0 1" "CVE-2021-30465: an absolute symlink of the image is one from the container's root"
	rm -rf "${root:?}/away" "${root:?}/home/new"
}

### CVE-2021-43784: lengths that overflow in what is handed to the new process
cve_2021_43784() {
	edit 'l["uidMappings"] = l["gidMappings"] = [{"containerID": i * 2, "hostID": 700000 + i * 2, "size": 2} for i in range(40000)]; p["args"] = ["id", "-u"]'
	inside
	# One range in many pieces is written as one.
	like "$status $(wc -l <<<"$out") $out" '^(0 1 0|1 1 .*)$' "CVE-2021-43784: 40000 mappings are refused in one line, or written as one" || diag "$out"
	edit 'l["uidMappings"] = l["gidMappings"] = [{"containerID": i * 2, "hostID": 700000 + i * 3, "size": 2} for i in range(40000)]; p["args"] = ["id", "-u"]'
	inside
	is "$status $(wc -l <<<"$out")" "1 1" "CVE-2021-43784: 40000 that are apart are refused in one line" || diag "${out:0:300}"
	edit 'l["namespaces"].append({"type": "x" * 70000, "path": "/" + "y" * 70000})'
	inside
	is "$status $(wc -l <<<"$out")" "1 1" "CVE-2021-43784: a namespace with a long name is, too" || diag "${out:0:300}"
}

### CVE-2022-29162, CVE-2022-27650: inheritable capabilities that nobody asked for
cve_2022_29162() {
	edit 'p["capabilities"].pop("inheritable", 0); p["capabilities"].pop("ambient", 0); p["args"] = ["grep", "-E", "Cap(Inh|Amb)", "/proc/self/status"]'
	inside
	is "$(awk '{ print $2 }' <<<"$out" | sort -u)" 0000000000000000 "CVE-2022-29162: none at the start"
	keep 'p["capabilities"].pop("inheritable", 0); p["capabilities"].pop("ambient", 0)'
	for options in '' '--cap CAP_NET_ADMIN' '--user 1000:1000'; do
		# shellcheck disable=SC2086
		is "$(in_kept $options "$kept" grep -E 'Cap(Inh|Amb)' /proc/self/status | awk '{ print $2 }' | sort -u)" 0000000000000000 "CVE-2022-27650: none by exec $options"
	done
	drop
}

### CVE-2023-25809: the host's control groups without a cgroup namespace in the specification
cve_2023_25809() {
	edit 'l["namespaces"] = [n for n in l["namespaces"] if n["type"] != "cgroup"]; m[:] = [x for x in m if x["destination"] != "/sys/fs/cgroup"] + [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}]; p["args"] = ["sh", "-c", "cut -d: -f3 /proc/self/cgroup | sort -u; for d in /sys/fs/cgroup /sys/fs/cgroup/*; do for up in .. ../.. ../../..; do mkdir $d/$up/t-escape 2>/dev/null; done; echo 1 >$d/notify_on_release; echo /x >$d/release_agent; done 2>/dev/null; ls -d /sys/fs/cgroup/*/release_agent 2>/dev/null; true"]'
	inside
	is "$out" / "CVE-2023-25809: its own control group is all that it sees"
	is "$(find /sys/fs/cgroup -name t-escape 2>/dev/null)" "" "CVE-2023-25809: and it can make none outside"
	rm -rf "${root:?}/sys/fs"
}

### CVE-2024-21626: a working directory, or a descriptor, that is the host's
cve_2024_21626() {
	# The caller's descriptors: a directory of the host among them, and given on by --preserve-fds.
	for fd in 3 4 5 6 7 9 11; do
		for way in /proc/self/fd/$fd "/proc/self/fd/$fd/../.." "/proc/thread-self/fd/$fd"; do
			edit "p['cwd'] = '$way'; p['args'] = ['sh', '-c', 'pwd; cat secret-of-the-host ../host/secret-of-the-host']"
			inside 7<"$work/host"
			unlike "$out" '^secret$' "CVE-2024-21626: run with the working directory $way" || diag "$out"
		done
	done
	edit 'p["cwd"] = "/proc/self/fd/3"; p["args"] = ["sh", "-c", "pwd; cat secret-of-the-host"]'
	inside --preserve-fds 1 3<"$work/host"
	like "$status $out" '^[1-9][0-9]* .*working directory "/proc/self/fd/3" is outside the container' "CVE-2024-21626: run in a directory of the host that it was given" || diag "$out"
	name=$(cname leaky)
	cloister create --bundle "$bundle" --preserve-fds 1 "$name" 3<"$work/host" </dev/null >"$tap_dir/leaky" 2>&1
	cloister start "$name" >>"$tap_dir/leaky" 2>&1
	isnt $? 0 "CVE-2024-21626: create and start in such a directory"
	cloister delete --force "$name"
	like "$(cat "$tap_dir/leaky")" 'outside the container' "CVE-2024-21626: says so"
	ln -s /proc/self/fd/3 "$root/way"
	edit 'p["cwd"] = "/way"; p["args"] = ["cat", "secret-of-the-host"]'
	inside --preserve-fds 1 3<"$work/host"
	unlike "$out" '^secret$' "CVE-2024-21626: nor through a symlink of the image"
	keep ''
	for fd in 3 5 7 9 11; do
		out=$(in_kept --cwd "/proc/self/fd/$fd" "$kept" sh -c 'cat secret-of-the-host ../host/secret-of-the-host' 7<"$work/host")
		unlike "$out" '^secret$' "CVE-2024-21626: exec --cwd /proc/self/fd/$fd"
	done
	out=$(in_kept --preserve-fds 1 --cwd /proc/self/fd/3 "$kept" cat secret-of-the-host 3<"$work/host")
	like "$out" 'outside the container' "CVE-2024-21626: exec in a directory of the host that it was given"
	out=$(in_kept --preserve-fds 1 --cwd /way "$kept" cat secret-of-the-host 3<"$work/host")
	like "$out" 'outside the container' "CVE-2024-21626: or through a symlink"
	is "$(in_kept "$kept" attack find-through-fds secret-of-the-host 5<"$work/host" 7<"$work/host" 9</ | grep found)" "" "CVE-2024-21626: exec leaks no descriptor"
	is "$(in_kept --preserve-fds 1 "$kept" attack find-through-fds secret-of-the-host 3<"$work/host" | grep -c found)" 1 "CVE-2024-21626: (what is given on purpose is found)"
	drop
	edit 'p["args"] = ["attack", "find-through-fds", "secret-of-the-host"]'
	inside 5<"$work/host" 7<"$work/host" 9</
	is "$status $(grep found <<<"$out")" "1 " "CVE-2024-21626: run leaks no descriptor"
	edit 'p["args"] = ["attack", "find-through-fds", "boot_id"]; d["hooks"] = {"startContainer": [{"path": "/bin/attack", "args": ["attack", "find-through-fds", "secret-of-the-host"]}]}'
	inside 5<"$work/host" 7<"$work/host"
	like "$out" 'hooks.startContainer.*exit status 1' "CVE-2024-21626: nor to a hook that runs inside"
	unlike "$out" found "CVE-2024-21626: which finds none"
	rm -f "$root/way"
}

### CVE-2025-31133: what masks a path is the image's own /dev/null
cve_2025_31133() {
	for change in "rm -f dev/null; ln -s /proc/sys/kernel/core_pattern dev/null" "rm -rf dev; mkdir dev; touch dev/null" "rm -rf dev; mkdir dev; mkdir dev/null"; do
		for with in spec none volume; do
			rm -rf "${root:?}/dev"; mkdir "${root:?}/dev"
			(cd "$root" && eval "$change")
			case $with in
			spec) more= ;;
			none) more='m[:] = [x for x in m if not x["destination"].startswith("/dev")];' ;;
			volume) more='m[:] = [x for x in m if not x["destination"].startswith("/dev")] + [{"destination": "/dev", "type": "bind", "source": work + "/bundle/rootfs/dev", "options": ["rbind"]}];' ;;
			esac
			edit "$more l['maskedPaths'] += ['/etc/group', '/home']; p['args'] = ['sh', '-c', 'cat /etc/group /proc/keys /proc/timer_list /proc/kcore 2>/dev/null | head -c 100; ls -A /home; for f in /etc/group /proc/keys; do echo x >\$f; done 2>/dev/null; echo end']"
			inside
			case $status in
			0) is "$(grep -v -e '^cloister: warning: linux.maskedPaths' -e "can't create /dev/null" <<<"$out")" end "CVE-2025-31133: masked by the real thing (/dev: $with; ${change%%;*})" ;;
			*) is "$(wc -l <<<"$out")" 1 "CVE-2025-31133: refused ($with; ${change%%;*}): $out" ;;
			esac
		done
	done
	rm -rf "${root:?}/dev"; mkdir "${root:?}/dev"
}

### CVE-2025-52565: where the terminal is shown: /dev/console, /dev/pts/0
cve_2025_52565() {
	listen() { # SOCKET COMMAND…: take the terminal that comes on SOCKET, print what it says
		python3 - "$@" <<-'PY'
		import array, os, select, socket, subprocess, sys
		path = sys.argv[1]
		s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(1)
		p = subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
		print("STATUS", p.returncode, p.stderr.strip())
		s.settimeout(3 if p.returncode == 0 else 0.1)
		try:
		    c = s.accept()[0]
		    fd = socket.recv_fds(c, 100, 1)[1][0]
		    while select.select([fd], [], [], 5)[0]:
		        data = os.read(fd, 4096)
		        if not data: break
		        sys.stdout.write(data.decode(errors="replace"))
		except (OSError, IndexError):
		    pass
		os.unlink(path)
		PY
	}
	mkdir -p "$work/volume"
	for trap in "ln -s /proc/sys/kernel/domainname" "ln -s $work/open/file" "ln -s /" mkfifo mkdir; do
		for where in volume image; do
			rm -rf "$work/volume"; mkdir -p "$work/volume/pts"
			more=
			if [ $where = volume ]; then
				$trap "$work/volume/console"
				more='m[:] = [x for x in m if x["destination"] != "/dev"]; m.insert(1, {"destination": "/dev", "type": "bind", "source": work + "/volume", "options": ["rbind"]});'
			else
				rm -rf "${root:?}/dev"; mkdir "${root:?}/dev"; $trap "${root:?}/dev/console"
			fi
			edit "$more p['terminal'] = True; p['args'] = ['sh', '-c', 'ls /proc/sys/kernel >/dev/pts/none 2>/dev/null; grep -c -e domainname -e \" / / .*devpts\" /proc/self/mountinfo; echo fin']"
			name=$(cname tty$((serial += 1)))
			out=$(listen "$work/console.sock" timeout 60 "$(type -P cloister)" --root "$state" run -d --bundle "$bundle" --console-socket "$work/console.sock" "$name")
			cloister delete --force "$name" >/dev/null 2>&1
			like "$out" 'STATUS 0|STATUS 1 [^\n]+' "CVE-2025-52565: /dev/console is $trap of the $where ($(head -n 1 <<<"$out"))"
			! grep -q 'STATUS 0' <<<"$out" || like "$out" '^0' "CVE-2025-52565: nothing is mounted behind it ($trap, $where)" || diag "$out"
			nothing_made "CVE-2025-52565: nor made on the host ($trap, $where)"
		done
	done
	rm -rf "${root:?}/dev" "$work/volume"; mkdir "${root:?}/dev"
}

### CVE-2026-41579, CVE-2026-47766: the image's /dev is a symlink
cve_2026_41579() {
	for target in "$work/open" "../../../../../../../../../..$work/open" / /proc /etc ..; do
		rm -rf "${root:?}/dev"; ln -s "$target" "${root:?}/dev"
		for with in spec none; do
			[ $with = spec ] && more= || more='m[:] = [x for x in m if not x["destination"].startswith("/dev")];'
			edit "$more p['args'] = ['sh', '-c', 'echo >/dev/null; true']"
			inside
			nothing_made "CVE-2026-41579: /dev -> ${target/$work/…} ($with): nothing comes into the host's directory"
			case $status in 0) ;; *) is "$(wc -l <<<"$out")" 1 "CVE-2026-47766: refused in one line (${out/$work/…})" ;; esac
			is "$(find "$root/etc" -newer "$bundle/config.json" ! -type d | head -n 3)" "" "CVE-2026-47766: nor over the image's own files"
		done
	done
	rm -rf "${root:?}/dev" "${root:?}${work:?}"; mkdir "${root:?}/dev"
}

### CVE-2026-30892: a user that is not read as it is written
cve_2026_30892() {
	keep ''
	for user in 1.. 1.0 1x x1 0x10 +1 -1 ' 1' '1 ' '' : 1: :1 1:2:3 1:2x 1:-1 4294967295 4294967296 18446744073709551617 1e3 '1,2' $'1\n'; do
		out=$(in_kept --user "$user" "$kept" id)
		isnt $? 0 "CVE-2026-30892: exec --user '$user' is refused"
		is "$(wc -l <<<"$out")" 1 "CVE-2026-30892: in one line" || diag "$out"
		unlike "$out" '^uid=' "CVE-2026-30892: and nothing runs"
	done
	is "$(in_kept --user 12:34 "$kept" sh -c 'id -u; id -g' | tr '\n' ' ')" "12 34 " "CVE-2026-30892: (what is right is read)"
	drop
}

### CVE-2025-24965: a file that the runtime writes into the image
cve_2025_24965() {
	for f in .krun_config.json .dockerenv run/.containerenv etc/resolv.conf etc/hosts etc/hostname etc/mtab dev/console; do
		mkdir -p "${root:?}/$(dirname $f)"; rm -rf "${root:?}/$f"; ln -s "$work/open/$(basename $f)" "${root:?}/$f"
	done
	edit 'd["annotations"] = {"run.oci.handler": "krun"}; p["args"] = ["true"]'
	inside
	nothing_made "CVE-2025-24965: nothing is written through the image's symlinks"
}

### Without a number: what the same kind of mistake would be here
no_number() {
	edit 'l["devices"] = [{"path": "/dev/kmsg-of-host", "type": "c", "major": 1, "minor": 11, "fileMode": 438}]; l.setdefault("resources", {})["devices"] = [{"allow": True, "access": "rwm"}]; p["args"] = ["attack", "open", "/dev/kmsg-of-host"]'
	inside
	isnt $status 0 "the host's devices: a node of /dev/kmsg, with every device allowed"
	edit 'l["devices"] = [{"path": "/dev/kmsg-of-host", "type": "c", "major": 1, "minor": 11, "fileMode": 438}]; p["args"] = ["true"]'
	inside
	like "$status $out" "^1 .*kernel's log" "the host's devices: asked for by name: refused"
	# uhid types what it likes on the host's console; bsg reads and writes disks, by a number of this boot
	for number in 10:239 $(awk '$2 == "bsg" { print $1 ":0" }' /proc/devices); do
		edit "l['devices'] = [{'path': '/dev/of-host', 'type': 'c', 'major': ${number%:*}, 'minor': ${number#*:}, 'fileMode': 438}]; p['args'] = ['true']"
		inside
		like "$status $out" '^1 .*is not given to containers' "the host's devices: c $number: refused"
	done
	# The value that it has: nobody is harmed if it should be set.
	edit "l['sysctl'] = {'user.max_time_namespaces': '$(cat /proc/sys/user/max_time_namespaces)'}; p['args'] = ['true']"
	inside
	like "$status $out" '^1 .*it would be set for the host' "the host's sysctls: refused"
	# In a network namespace that stands for the host's.
	edit 'l["namespaces"] = [n for n in l["namespaces"] if n["type"] != "network"] + [{"type": "network", "path": "/proc/self/ns/net"}]; p["args"] = ["true"]'
	out=$(unshare -n timeout 60 "$(type -P cloister)" --root "$state" run --bundle "$bundle" "$(cname net)" 2>&1 </dev/null)
	like "$? $out" '^1 .*network namespace with the host' "the host's network: refused"
	# Its own procfs: another pid namespace's (Linux 6.17), and one that has nothing to be covered (see mounts-inside).
	edit '[x for x in m if x["destination"] == "/proc"][0]["options"].append("pidns=/proc/1/ns/pid"); p["args"] = ["ls", "/proc"]'
	inside
	like "$status $out" '^1 .*only hidepid' "the host's processes: refused"
	subset='[x for x in m if x["destination"] == "/proc"][0]["options"].append("subset=pid")'
	edit "p['args'] = ['true']; $subset"
	inside
	case $out in
	# Linux 7.2; what is mounted inside is another matter (mounts-inside).
	*'cannot cover a procfs of subset=pid'*) skip subset-undone "subset=pid: nothing but processes" ;;
	*)
		keep "$subset"
		is "$(in_kept "$kept" sh -c 'ls /proc | grep -v "^[0-9]"' | tr '\n' ' ')" "self thread-self " "subset=pid: nothing but processes"
		out=$(nsenter -t "$(cloister state "$kept" | json 'd["pid"]')" -U -m -p -S 0 -G 0 mount -t proc proc /mnt 2>&1)
		isnt $? 0 "subset=pid: the kernel gives no whole one for it" || diag "$out"
		drop
		;;
	esac
	# Until its first process is ready, a container's mount namespace is not what it will be.
	edit 'p["args"] = ["sleep", "1000"]; m += [{"destination": "/mnt/%d" % i, "type": "tmpfs", "options": ["size=4k"]} for i in range(1500)]'
	name=$(cname early)
	cloister create --bundle "$bundle" "$name" </dev/null >"$tap_dir/early" 2>&1 &
	early=$!
	tried=0 entered=0
	while kill -0 $early 2>/dev/null; do
		out=$(timeout 20 "$top_builddir/src/cloister" --root "$state" exec "$name" sh -c '[ -d /mnt/1499 ] || echo early' 2>&1 </dev/null)
		tried=$((tried + 1))
		[ "$out" != early ] || entered=$((entered + 1))
	done
	wait $early
	is "$?" 0 "a container with 1500 mounts is made" || diag "$(cat "$tap_dir/early")"
	is "$entered" 0 "nobody enters it while it is made" || diag "$out"
	below 3 "$tried" "and $tried have tried"
	cloister delete --force "$name"
}

# CVES="cve_2016_9962 no_number": some of them.
for cve in ${CVES:-cve_2016_9962 cve_2019_5736 cve_2017_5226 cve_2019_16884 cve_2020_5291 \
	cve_2021_30465 cve_2021_43784 cve_2022_29162 cve_2023_25809 cve_2024_21626 \
	cve_2025_31133 cve_2025_52565 cve_2026_41579 cve_2026_30892 cve_2025_24965 \
	no_number}; do
	$cve
done
done_testing
