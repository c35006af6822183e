#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker-setup, containerd-setup, podman-setup: what they edit, what they refuse, and that engines
# then run Cloister. Everything below $work; this machine's /etc is never touched.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root
# But for the key that any dockerd makes itself at its first start.
etc_sum() { find /etc/docker /etc/containerd /etc/containers -name 'key.json' -o -type f -print0 2>/dev/null | sort -z | xargs -0r cat | sha256sum; }
etc_before=$(etc_sum)

# A program to enter: the built one, unless it cannot do `create` yet; then runc, with a log.
program=$work/bin/cloister
log=$work/program.log
mkdir -p "$work/bin" "$work/enforce" "$work/units"
real=yes
if command cloister create --help >/dev/null 2>&1; then
	program=$(type -P cloister)
else
	real=
	printf '#!/bin/sh\necho "$0 $*" >>%s\nexec %s "$@"\n' "$log" "$(type -P runc)" >"$program"
	chmod 755 "$program"
fi
ln -s "$program" "$work/enforce/runc"
ln -s "$program" "$work/enforce/crun"

conf=$work/docker/daemon.json
mkdir -p "$work/docker"
docker_setup() { command cloister docker-setup --config "$conf" --program "$program" --systemd-dir "$work/units" --enforce-dir "$work/enforce" "$@"; }
# Is $2 the document $1 and exactly what we add, with the old keys in the old order?
added() { # BEFORE AFTER DEFAULT ENFORCE
	python3 - "$@" "$program" <<-'PY'
		import json, sys
		before, after, default, enforce, program = sys.argv[1:]
		a = open(before, encoding="utf-8-sig").read().strip() or "{}"
		a, b = json.loads(a), json.load(open(after, encoding="utf-8-sig"))
		order = [k for k in b if k in a]
		assert order == list(a), "order"
		a.setdefault("runtimes", {}).setdefault("cloister", {})["path"] = program
		if default: a["default-runtime"] = "cloister"
		if enforce: a.setdefault("builder", {})["entitlements"] = {"network-host": False, "security-insecure": False}
		assert a == b, (a, b)
	PY
}

# name, tab, text (printf escapes)
good=$(cat <<'T'
empty	
blank	 \n\n
braces	{}
braces on two lines	{\n}\n
one line	{"debug": true, "log-opts": {"max-size": "10m"}}
no newline at the end	{\n  "debug": true\n}
tabs	{\n\t"debug": true,\n\t"runtimes": {\n\t\t"kata": {"path": "/x"}\n\t},\n\t"default-runtime": "kata"\n}\n
default in the middle	{\n "default-runtime": "kata",\n "x": {"y": [1, 2, {"z": "}"}]},\n "runtimes": {"kata": {"path": "/x"}}}\n
empty runtimes	{"runtimes": {}, "a": 1}
empty runtimes on lines	{\n  "runtimes": {\n  },\n  "a": 1\n}\n
byte order mark	\xef\xbb\xbf{"a": 1}\n
escapes in names and values	{"run\\u0074imes": {}, "q": "a\\"b}{\\\\", "u": "ü"}\n
numbers as they are	{"a": 1.50, "b": 1e3, "c": 9007199254740993}\n
DOS line ends	{\r\n  "debug": true\r\n}\r\n
builder of its own	{"builder": {"gc": {"enabled": true}}}
T
)
while IFS=$'\t' read -r name text; do
	printf "$text" >"$conf"
	cp "$conf" "$work/before"
	ok "$name: entered" docker_setup --default
	ok "$name: everything else as it was" added "$work/before" "$conf" default ''
	cp "$conf" "$work/once"
	like "$(docker_setup --default)" 'already set up' "$name: a second run has nothing to do"
	ok "$name: … and does nothing" cmp "$conf" "$work/once"
	ok "$name: --enforce" docker_setup --enforce
	ok "$name: … switches entitlements off, and keeps the default" added "$work/before" "$conf" default enforce
	ok "$name: undone" docker_setup --undo
	ok "$name: undone to the byte" cmp "$conf" "$work/before"
	is "$(ls -A "$work/docker")" "daemon.json" "$name: nothing is left beside it"
done <<<"$good"

# What a real dockerd says of the edits above it would say of these too; one that cannot --validate is not asked, and an
# edit takes a tenth of the time.
mkdir "$work/quick"
printf '#!/bin/sh\n' >"$work/quick/dockerd"
chmod 755 "$work/quick/dockerd"
unjudged() { PATH=$work/quick:$PATH "$@"; }

# Any document: what was read before is read after, undo is exact, also after another's edit.
out=$(unjudged python3 "$tests_lib/setup-random.py" "$(type -P cloister)" "$program" "$work" "${SETUP_SEED:-1}" 60 2>&1)
is "$(tail -n 1 <<<"$out")" "60 documents" "60 random documents"
[ "$(wc -l <<<"$out")" = 1 ] || diag "$out"

rm -r "$work/docker"
ok "no file, no directory: made" docker_setup --default
ok "… as one" added /dev/null "$conf" default ''
is "$(stat -c %a "$conf")" 644 "… mode 644"
ok "undo removes what was made" docker_setup --undo
is "$(ls -A "$work/docker")" "" "… all of it"
like "$(docker_setup --undo)" 'nothing to undo' "a second undo has nothing to do"

# In any order and more than once: --undo leaves what was there before, or nothing. ORDERS: words of options,
# "=" for none; `x` appends what somebody else would.
orders() { # NAME CONFIG EDIT-FUNCTION COMMAND TEXT…
	local name=$1 conf=$2 edit=$3 command=$4 text order option
	shift 4
	for text in absent "$@"; do
		for order in "= --enforce" "--enforce --default =" "--default --default --enforce --enforce" "= $edit --enforce" "--enforce $edit ="; do
			rm -rf "$(dirname "$conf")"
			mkdir -p "$(dirname "$conf")"
			[ "$text" = absent ] || printf "$text" >"$conf"
			for option in $order; do
				case $option in
				=) "$command" ;;
				--*) "$command" "$option" ;;
				*) "$option" "$conf" ;;
				esac >/dev/null || fail "$name, $text, $order: $option"
			done
			"$command" --undo >/dev/null
			if [[ $order != *"$edit"* ]]; then
				is "$(ls -A "$(dirname "$conf")")" "$([ "$text" = absent ] || basename "$conf")" "$name, $text, $order: --undo leaves no other file"
				[ "$text" = absent ] || ok "$name, $text, $order: ... and this one as it was" cmp "$conf" <(printf "$text")
			else
				"$edit-left" "$conf" "$(printf "$text")" || fail "$name, $text, $order: --undo leaves the edit, and it alone"
			fi
			like "$("$command" --undo)" 'nothing to undo' "$name, $text, $order: there is nothing of ours in it"
		done
	done
	is "$(ls -A "$work/units")" "" "$name: no directory for drop-ins is left"
}
json_edit() { sed -i '0,/{/s//{"theirs": {"x": [1]},/' "$1"; }
json_edit-left() {
	python3 -c 'import json, sys
before = json.loads(sys.argv[2] if sys.argv[2] not in ("absent", "") else "{}")
assert json.load(open(sys.argv[1])) == {**before, "theirs": {"x": [1]}}' "$1" "$2"
}
rm -rf "$work/units"
mkdir "$work/units"
unjudged orders docker "$conf" json_edit docker_setup '{}\n' '{\n  "builder": {"entitlements": {"network-host": false}}\n}\n' '{"default-runtime": "kata", "runtimes": {"kata": {"path": "/x"}}}'
rm -rf "$work/docker"
mkdir "$work/docker"

# Modes, owners, links, the backup.
printf '{\n    "debug": true\n}\n' >"$work/real.json"
cp "$work/real.json" "$work/before"
chmod 640 "$work/real.json"
chown 12:34 "$work/real.json"
ln -s ../real.json "$conf"
like "$(docker_setup --default --dry-run)" '^\+ +"default-runtime": "cloister"' "--dry-run shows the edit"
ok "--dry-run edits nothing" cmp "$work/real.json" "$work/before"
is "$(find "$work" -maxdepth 1 -name '*real*' | wc -l)" 1 "--dry-run writes nothing beside it"
is "$(docker_setup --default --dry-run --json | python3 -c 'import json,sys; d=json.load(sys.stdin); print(d["changed"], d["dry_run"], "cloister" in d["diff"])')" \
	"True True True" "--json says so to programs"
ok "through a symlink" docker_setup --default
ok "the symlink stays" test -L "$conf"
is "$(stat -c '%a %u %g' "$work/real.json")" "640 12 34" "mode and owner stay"
ok "the file as it was is kept" cmp "$work/real.json.before-cloister" "$work/before"

# Somebody edits the file after us: undo takes out ours alone.
python3 - "$conf" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
d["debug"] = False
d["runtimes"]["kata"] = {"path": "/x"}
json.dump(d, open(sys.argv[1], "w"), indent=1)
PY
ok "undo after another's edit" docker_setup --undo
is "$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1])))' "$conf")" \
	"{'debug': False, 'runtimes': {'kata': {'path': '/x'}}}" "… takes out ours, and leaves theirs"
docker_setup >/dev/null
sed -i 's/"debug": false/"default-runtime": "kata"/' "$work/real.json"
docker_setup --default >/dev/null
docker_setup --undo >/dev/null
like "$(cat "$conf")" '"default-runtime": "kata"' "a default that came between two runs comes back"
rm -f "$conf" "$work"/real.json*

# Refused: exit status 1, one line, the file and its inode as they were.
refused_file() { # NAME REGEX COMMAND…
	local name=$1 want=$2 sum out
	shift 2
	sum=$(stat -Lc '%i %Y %s' "$conf" 2>&1; ls -A "$work/docker")
	out=$("$@" 2>&1)
	is "$?" 1 "$name: status 1"
	like "$out" "$want" "$name: says why"
	is "$(wc -l <<<"$out")" 1 "$name: in one line"
	is "$(stat -Lc '%i %Y %s' "$conf" 2>&1; ls -A "$work/docker")" "$sum" "$name: not touched"
}
while IFS=$'\t' read -r name want text; do
	printf "$text" >"$conf"
	refused_file "$name" "$want" docker_setup --default --enforce
done <<'T'
no JSON	line 1 column	debug
a comment	line 2 column	{\n// x\n}
cut off	line 1	{"a": 
a key twice	duplicate	{"a": 1, "a": 2}
a list	not a JSON object	[1]
runtimes is a list	runtimes is not an object	{"runtimes": []}
runtimes is null	runtimes is not an object	{"runtimes": null}
our runtime is a string	runtimes.cloister is not an object	{"runtimes": {"cloister": "x"}}
the default is a number	default-runtime is not a string	{"default-runtime": 1}
builder is a string	builder is not an object	{"builder": "x"}
entitlements is a list	builder.entitlements is not an object	{"builder": {"entitlements": []}}
not UTF-8	line 1	{"a": "\xff"}
a NUL byte	NUL byte	{"a": 1}\0
T
python3 -c 'print("["*5000)' >"$conf"
refused_file "nested 5000 deep" "line 1" docker_setup
head -c 20000000 /dev/zero | tr '\0' ' ' >"$conf"
refused_file "20 MB" "large" docker_setup
rm "$conf"
mkdir "$conf"
refused_file "a directory" "regular file" docker_setup
rmdir "$conf"
mkfifo "$conf"
refused_file "a fifo" "regular file" docker_setup
rm "$conf"
ln -s nowhere "$conf"
refused_file "a dangling symlink" "leads nowhere" docker_setup
rm "$conf"
echo '{}' >"$conf"
refused_file "a program that is none" "not a program|No such file" docker_setup --program "$work/docker"
refused_file "--enforce without its directory" "make install" docker_setup --enforce-dir "$work/none" --enforce
refused_file "--enforce-dir with a colon" "absolute path" docker_setup --enforce-dir "$work/a:b" --enforce
refused_file "--enforce-dir relative" "absolute path" docker_setup --enforce-dir enforce --enforce
refused_file "--undo --default" "without --default" docker_setup --undo --default
refused_file "an argument too many" "unknown argument" docker_setup more
refused_file "not root" "root" setpriv --reuid 65534 --regid 65534 --clear-groups "$top_builddir/src/cloister" docker-setup --config "$conf"
mount --bind "$work/docker" "$work/docker" && mount -o remount,ro,bind "$work/docker"
refused_file "a read-only directory" "Read-only" docker_setup
ok "… where --dry-run works" docker_setup --dry-run
umount "$work/docker"

# Others at the same time. A dockerd that can --validate runs in the middle of it.
mkdir -p "$work/fake"
fake() { # SCRIPT: what --validate does
	printf '#!/bin/sh\n[ "$1" = --help ] && { echo "  --validate"; exit 0; }\n%s\n' "$1" >"$work/fake/dockerd"
	chmod 755 "$work/fake/dockerd"
}
with_fake() { PATH=$work/fake:$PATH docker_setup "$@"; }
echo '{}' >"$conf"
fake 'echo "unable to configure: bad" >&2; exit 1'
refused_file "dockerd --validate refuses" "refuses.*unable to configure: bad" with_fake
fake "grep -q cloister \"\$3\""
ok "dockerd --validate gets the new text" with_fake
docker_setup --undo >/dev/null
fake "echo '{\"theirs\": 1}' >$conf.x; mv $conf.x $conf"
fails "somebody else" "an editor was quicker (rename): refused" with_fake
is "$(cat "$conf")" '{"theirs": 1}' "… and its edit stays"
fake "echo '{\"theirs\": 2}' >$conf"
fails "somebody else" "an editor was quicker (in place): refused" with_fake
is "$(cat "$conf")" '{"theirs": 2}' "… and its edit stays"
fake "rm $conf"
fails "somebody else" "the file vanished meanwhile: refused" with_fake
echo '{"theirs": 3}' >"$conf"
fake 'kill -9 $PPID; sleep 1'
with_fake >/dev/null 2>&1
is "$(cat "$conf")" '{"theirs": 3}' "killed in the middle: the file is as it was"
ok "… and the next run works" docker_setup
docker_setup --undo >/dev/null
is "$(ls -A "$work/docker")" "daemon.json" "… and clears up"
bad=0
for i in $(seq 40); do
	docker_setup --default >/dev/null 2>&1 &
	pid=$!
	sleep "0.0$((i % 40 + 10))"
	pkill -9 -P "$pid" 2>/dev/null
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); assert d["theirs"] == 3' "$conf" || bad=$((bad + 1))
	docker_setup --undo >/dev/null 2>&1
	[ "$(cat "$conf")" = '{"theirs": 3}' ] || bad=$((bad + 1))
done
is "$bad" 0 "killed 40 times at some moment: always whole, always undone"
for i in 1 2 3 4 5 6; do docker_setup --default >/dev/null 2>&1 & docker_setup --undo >/dev/null 2>&1 & done
wait
docker_setup --undo >/dev/null 2>&1
is "$(cat "$conf")" '{"theirs": 3}' "12 runs at once: none lost another's text"
is "$(ls -A "$work/docker")" "daemon.json" "… and nothing is left beside it"

# --enforce: drop-ins, and what can still be asked for.
printf '#!/bin/sh\n' >"$work/fake/containerd-shim-kata-v2"
chmod 755 "$work/fake/containerd-shim-kata-v2"
rm "$work/fake/dockerd"
echo '{"runtimes": {"other": {"path": "/x"}}}' >"$conf"
out=$(with_fake --enforce)
like "$out" "containerd-shim-kata-v2" "--enforce reports another shim"
like "$out" "runtime \"other\"" "--enforce reports another runtime"
for unit in docker containerd; do
	like "$(cat "$work/units/$unit.service.d/90-cloister-docker.conf")" "^Environment=PATH=$work/enforce:/" "the drop-in of $unit.service puts our runc first"
done
like "$(with_fake --enforce)" "already set up" "a second --enforce has nothing to do"
ok "--undo" docker_setup --undo
is "$(find "$work/units" -type f)" "" "… removes the drop-ins"

# containerd: its own `config dump` before and after is the judge.
containerd_setup() { command cloister containerd-setup --config "$work/c/config.toml" --program "$program" --systemd-dir "$work/units" --enforce-dir "$work/enforce" "$@"; }
dump() { containerd --config "$work/c/config.toml" config dump 2>/dev/null; }
# containerd_rows WHICH: each file by the containerd in PATH
containerd_rows() {
	local which=$1 name text off
	rm -rf "$work/c"
	ok "$which, no file: entered" containerd_setup
	like "$(dump)" "BinaryName = [\"']${program}[\"']" "$which, no file: it sees the runtime"
	ok "$which, no file: undone" containerd_setup --undo
	is "$(ls -A "$work/c" 2>&1)" "" "$which, no file: to nothing"
	mkdir -p "$work/c"
	while IFS=$'\t' read -r name text; do
		name="$which, $name"
		printf "$text" >"$work/c/config.toml"
		cp "$work/c/config.toml" "$work/before"
		dump | sed "s/\"cri\"/\"io.containerd.grpc.v1.cri\"/" >"$work/dump.before"
		out=$(containerd_setup 2>&1)
		is "$?" 0 "$name: entered" || diag "$out"
		off=$(grep -c '^disabled_plugins' "$work/before")
		[ "$off" = 0 ] || like "$out" "switched off by disabled_plugins" "$name: says what else it takes"
		dump >"$work/dump"
		is "$(diff "$work/dump.before" "$work/dump" | grep '^<')" "" "$name: it sees all that it saw"
		cp "$work/c/config.toml" "$work/once"
		# 1.x shows nothing of a plugin that is switched off.
		sed -i '/^disabled_plugins/d' "$work/c/config.toml"
		dump >"$work/dump"
		like "$(cat "$work/dump")" "BinaryName = [\"']${program}[\"']" "$name: it sees the runtime"
		! grep -q '^disabled_plugins = .*cri\|runtimes.runc]' "$work/dump.before" ||
			like "$(cat "$work/dump")" "runtimes\.runc\]" "$name: and runc"
		cp "$work/once" "$work/c/config.toml"
		ok "$name: --default" containerd_setup --default
		[ "$off" != 0 ] || is "$(dump | sed -n 's/^ *default_runtime_name = //p' | tr -d "\"'")" cloister "$name: … is seen"
		is "$(dump | grep -v default_runtime_name | diff <(grep -v default_runtime_name "$work/dump.before") - | grep '^<')" "" "$name: … and all else"
		cp "$work/c/config.toml" "$work/once"
		like "$(containerd_setup)" "already set up" "$name: a second run has nothing to do"
		ok "$name: … and does nothing" cmp "$work/c/config.toml" "$work/once"
		ok "$name: undone" containerd_setup --undo
		ok "$name: undone to the byte" cmp "$work/c/config.toml" "$work/before"
		is "$(ls -A "$work/c")" "config.toml" "$name: nothing is left beside it"
	done
}
if have tool-containerd; then
	cat >"$work/rows" <<'T'
empty	
version alone	version = 2
settings of CNI	version = 2\n[plugins]\n  [plugins."io.containerd.grpc.v1.cri"]\n    [plugins."io.containerd.grpc.v1.cri".cni]\n      bin_dir = "/x" # [y]\n
another default	version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd]\n  snapshotter = "native"\n  default_runtime_name = "crun"\n  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun]\n    runtime_type = "io.containerd.runc.v2"\n
cgroups by systemd	version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]\nruntime_type = "io.containerd.runc.v2"\n[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]\nSystemdCgroup = true
single quotes, a table without a default	version = 2\n[plugins.'io.containerd.grpc.v1.cri'.containerd]\n
a long string with brackets	version = 2\nroot = """/a\n[x]\nversion = 1"""\nrequired_plugins = [\n # ]\n]\n
as Docker's package brings it	#   Copyright\n\ndisabled_plugins = ["cri"]\n\n#root = "/var/lib/containerd"\n#[grpc]\n#  address = "x"\n
no version	root = "/var/lib/x"\n[debug]\n  level = "warn"
T
	dotted='version = 2\nplugins."io.containerd.grpc.v1.cri".containerd.snapshotter = "native"\n'
	containerd_rows containerd < <(cat "$work/rows" && printf 'dotted keys\t%s\n' "$dotted")
	# What somebody enters later counts on the version that the file has by us.
	printf 'disabled_plugins = ["cri"]\n' >"$work/c/config.toml"
	containerd_setup >/dev/null
	sed -i '/^disabled_plugins/d' "$work/c/config.toml"
	printf '[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "x"\n' >>"$work/c/config.toml"
	ok "containerd, no version, edited: undone" containerd_setup --undo
	is "$(cat "$work/c/config.toml")" 'version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "x"' "containerd, no version, edited: the version stays"
	if debs=$("$top_srcdir/tests/vm/fetch-deb.sh" sid containerd 2>/dev/null); then
		like "$("$debs/usr/bin/containerd" --version)" ' [2-9]\.' "a containerd 2"
		cat >>"$work/rows" <<'T'
version 3	version = 3\n
version 3, another default	version = 3\n[plugins."io.containerd.cri.v1.runtime".containerd]\n  default_runtime_name = "crun"\n  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.crun]\n    runtime_type = "io.containerd.runc.v2"\n
version 3, without the CRI plugin	version = 3\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n
T
		PATH=$debs/usr/bin:$PATH containerd_rows "containerd 2" <"$work/rows"
		# TOML forbids another table there, and containerd 2 keeps to that.
		printf "$dotted" >"$work/c/config.toml"
		PATH=$debs/usr/bin:$PATH fails "dotted keys" "containerd 2: dotted keys are refused" containerd_setup
		is "$(cat "$work/c/config.toml")" "$(printf "$dotted")" "... and not touched"
	else
		skip vm "containerd 2: it cannot be fetched"
	fi
	toml_edit() { printf '[debug]\n  level = "warn"\n' >>"$1"; }
	toml_edit-left() { [ "$(cat "$1")" = "version = 2
[debug]
  level = \"warn\"" ]; }
	orders containerd "$work/c/config.toml" toml_edit containerd_setup 'version = 2\n'
	rm -rf "$work/c"
	mkdir "$work/c"
	printf 'version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]\nSystemdCgroup = true\nBinaryName = "/x/runc"\n' >"$work/c/config.toml"
	like "$(containerd_setup --enforce)" '/x/runc' "containerd: --enforce reports an entry with a path"
	is "$(dump | awk '/^ *\[/ { ours = /runtimes.cloister.options/ } ours && /SystemdCgroup = true/' | wc -l)" 1 "containerd: cgroups by systemd like runc's"
	is "$(find "$work/units" -type f -printf '%P ')" "containerd.service.d/90-cloister-containerd.conf " "containerd: a drop-in of its own"
	containerd_setup --undo >/dev/null
	is "$(find "$work/units" -type f)" "" "containerd: … that --undo removes"
	conf=$work/c/config.toml
	while IFS=$'\t' read -r name want text; do
		printf "$text" >"$conf"
		out=$(containerd_setup --default 2>&1)
		is "$?" 1 "containerd, $name: status 1"
		like "$out" "$want" "containerd, $name: says why"
		is "$(cat "$conf")" "$(printf "$text")" "containerd, $name: not touched"
	done <<'T'
no TOML	containerd does not read	version = 2\nx = = 2
version 1	migrate	[plugins]\n
an inline table	does not read	version = 2\n[plugins."io.containerd.grpc.v1.cri"]\ncontainerd = { snapshotter = "native" }\n
a runtime of that name	was not made by	version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.cloister]\nruntime_type = "x"\n
T
	printf 'version = 2\nimports = ["more.toml"]\n' >"$conf"
	printf 'version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd]\nsnapshotter = "native"\n' >"$work/c/more.toml"
	fails "imports" "containerd: a section in an imported file would hide ours: refused" containerd_setup
	conf=$work/docker/daemon.json
else
	skip tool-containerd "containerd-setup"
fi

# Podman: a file of its own.
podman_conf=$work/etc/containers.conf.d/50-cloister.conf
podman_setup() { command cloister podman-setup --config "$podman_conf" --program "$program" "$@"; }
ok "podman: entered" podman_setup --default
if have tool-podman; then
	is "$(CONTAINERS_CONF=$podman_conf podman --root "$work/pr" --runroot "$work/prr" --storage-driver vfs info -f '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}' 2>/dev/null)" \
		"cloister $program" "podman: it is its runtime"
else
	skip tool-podman "podman's view"
fi
like "$(podman_setup)" "already set up" "podman: a second run has nothing to do"
like "$(cat "$podman_conf")" 'runtime_supports_json = \["crun", .*"cloister"\]' "podman: errors by JSON, for the others too"
printf '[engine]\nruntime_supports_json = [\n "a", # "b"\n "c"]\n' >"$work/etc/containers.conf.d/10-x.conf"
podman_setup --json >/dev/null
like "$(cat "$podman_conf")" 'json = \["a", "c", "cloister"\]' "podman: another's list is repeated"
podman_setup --default >/dev/null
podman_setup >/dev/null
ok "podman: undone" podman_setup --undo
is "$(ls "$work/etc/containers.conf.d")" "10-x.conf" "podman: … to nothing"
echo "[engine]" >"$podman_conf"
fails "was not made by" "podman: a file of somebody else is not touched" podman_setup
fails "unknown" "podman: has no --enforce" podman_setup --enforce

# What make install puts there.
if have tool-make; then
	ok "make install" make -C "$top_builddir" -s install DESTDIR="$work/inst"
	links=$(find "$work/inst" -path '*/enforce/*' -printf '%f %l\n' | sort)
	like "$links" 'crun /.*/bin/cloister' "make install: enforce/crun"
	like "$links" 'runc /.*/bin/cloister' "make install: enforce/runc"
	ok "make uninstall" make -C "$top_builddir" -s uninstall DESTDIR="$work/inst"
	is "$(find "$work/inst" ! -type d -o -name '*loister*')" "" "make uninstall leaves nothing of ours"
fi

# The README's first command, where bootstrap has built: it has nothing to build again.
if [ -e "$top_builddir/configured" ] && [ "$top_builddir" -ef "$top_srcdir/build" ]; then
	out=$("$top_srcdir/bootstrap" demo 2>&1)
	is $? 0 "bootstrap demo" || diag "$out"
	like "$out" 'user-ID map +0 0 4294967295 +0 [1-9][0-9]+ 65536' "... shows host and container side by side: ids,"
	like "$out" 'memory +[0-9]+ kB +524288 kB' "... memory,"
	like "$out" 'CPUs +[0-9]+ +1$' "... CPUs,"
	like "$out" 'of-1000 belongs to +1000 +1000' "... owners,"
	like "$out" 'remount a read-only volume +\(not tried\) +[^!]*$' "... and a refused remount"
else
	diag "no demo: ./bootstrap has not built here"
fi

# A real dockerd, set up by the command alone: who asks for runc gets the program entered.
start_dockerd() {
	PATH=$1:$PATH dockerd --config-file "$conf" --data-root "$work/data" --exec-root "$work/exec" -p "$work/dockerd.pid" \
		-H "unix://$work/d.sock" --bridge=none --iptables=false --ip6tables=false --storage-driver=vfs >"$work/dockerd.log" 2>&1 </dev/null &
	dockerd_pid=$!
	eventually 30 docker_ info >/dev/null 2>&1
}
stop_dockerd() {
	[ -n "${dockerd_pid:-}" ] || return 0
	kill "$dockerd_pid"
	wait "$dockerd_pid"
	dockerd_pid=
	umount -q "$work"/exec/netns/* 2>/dev/null
	return 0
}
docker_() { DOCKER_CONFIG=$work/docker-cli "$docker_cli" -H "unix://$work/d.sock" "$@"; }
# Did the step or container run under the program? By its ids, or with the stand-in by its log.
contained() { # DESC OUTPUT
	if [ -n "$real" ]; then
		unlike "$2" ' 0 +4294967295' "$1: the ids are not the host's"
		like "$2" '0 +[1-9][0-9]+ +65536' "$1: … but a range of its own"
	else
		like "$(cat "$log")" 'create --bundle|run --bundle' "$1: the program was run"
	fi
	: >"$log"
}
# A client with BuildKit in it (buildx would be one more part).
docker_cli=
for cli in $(type -aP docker); do
	[ -n "$docker_cli" ] || ! "$cli" --version | grep -q ' 20\.10' || docker_cli=$cli
done
: "${docker_cli:=$(type -P docker)}"
if have tool-dockerd && have tool-docker && have tool-busybox; then
	on_exit stop_dockerd
	echo '{}' >"$conf"
	docker_setup >/dev/null
	start_dockerd "$work/bin"
	like "$(docker_ info 2>/dev/null)" 'Default Runtime: runc' "dockerd: reads the file"
	docker_setup --default >/dev/null
	kill -HUP "$dockerd_pid"
	ok "dockerd: the default changes by a reload" eventually 5 sh -c "'$docker_cli' -H 'unix://$work/d.sock' info 2>/dev/null | grep -q 'Default Runtime: cloister'"
	stop_dockerd
	like "$(docker_setup --enforce)" 'restart' "--enforce asks for a restart"
	path=$(sed -n 's/^Environment=PATH=\([^:]*\):.*/\1/p' "$work/units/docker.service.d/90-cloister-docker.conf")
	start_dockerd "$path"
	mkdir -p "$work/image/bin"
	cp "$(type -P busybox)" "$work/image/bin/busybox"
	ln -s busybox "$work/image/bin/cat"
	ln -s busybox "$work/image/bin/sh"
	tar -C "$work/image" -c . | docker_ import - setup:1 >/dev/null
	printf 'FROM setup:1\nRUN cat /proc/self/uid_map\n' >"$work/image/Dockerfile"
	: >"$log"
	out=$(docker_ run --rm --network=none setup:1 /bin/cat /proc/self/uid_map 2>&1)
	contained "docker run" "$out"
	for runtime in cloister runc io.containerd.runc.v2; do
		out=$(docker_ run --rm --runtime=$runtime --network=none setup:1 /bin/cat /proc/self/uid_map 2>&1)
		contained "docker run --runtime=$runtime" "$out"
	done
	out=$(DOCKER_BUILDKIT=0 docker_ build --network=none --no-cache "$work/image" 2>&1)
	contained "a step of a classic build" "$out"
	out=$(DOCKER_BUILDKIT=1 docker_ build --network=none --no-cache --progress=plain "$work/image" 2>&1)
	if [[ $out == *"buildx component"* ]]; then
		skip buildkit "a step of a BuildKit build"
	else
		contained "a step of a BuildKit build" "$out"
		like "$(DOCKER_BUILDKIT=1 docker_ build --network=host --no-cache --progress=plain "$work/image" 2>&1)" "network.host is not allowed" \
			"a BuildKit step in the host's network is refused"
	fi
	fails '[Uu]nknown.*runtime|invalid runtime' "another path for runc cannot be given" docker_ run --rm --runtime=/usr/sbin/runc --network=none setup:1 /bin/cat
	stop_dockerd
else
	skip tool-dockerd "a real dockerd"
fi

# The table of options is complete: what the installed docker knows, and a verdict in each row.
rows() { sed -n "/^### docker $1\$/,/^##/s/^| \`\(--[a-z0-9-]*\).*/\1/p" "$top_srcdir/doc/docker.md" | sort; }
for sub in run create exec update; do
	have tool-docker || { skip tool-docker "the table of docker $sub"; continue; }
	documented=$sub
	[ $sub = create ] && documented=run
	asked=$(docker "$sub" --help | grep -oE '^ +(-[a-zA-Z], |    )--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+' | sort)
	is "$(comm -23 <(echo "$asked") <(rows $documented) | grep -vx -- --help | tr '\n' ' ')" "" "doc/docker.md says what every option of docker $sub does"
done
is "$(sed -n '/^### docker [a-z]*$/,$p' "$top_srcdir/doc/docker.md" | grep '^| `--[a-z-]*`[^=]*|.*|.*|' | grep -vE '^\| `--[^|]*\| (same|differs|refused|ignored|engine)( \?)? \|')" "" "doc/docker.md: each row has a verdict"
diag "rows of doc/docker.md that wait for a test with an engine: $(grep -cE '^\|[^|]*\| [a-z]+ \? \|' "$top_srcdir/doc/docker.md")"
is "$(etc_sum)" "$etc_before" "this machine's own configuration is as it was"
done_testing
