#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# config.json at the command line: `features`, `spec`, and malformed documents: exit status 1, one
# line, the same in the engine's log, and nothing left behind.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox
bundle=$work/bundle
make_root "$bundle/rootfs"
need_containers --rootfs "$bundle/rootfs"

### features
features=$(cloister features)
is $? 0 "features: status 0"
is "$(json 'd["ociVersionMax"]' <<<"$features")" 1.3.0 "features: the newest specification"
is "$(json '"rro" in d["mountOptions"] and "idmap" in d["mountOptions"]' <<<"$features")" true "features: mount options"
last=$(cat /proc/sys/kernel/cap_last_cap)
is "$(json 'len(d["linux"]["capabilities"])' <<<"$features")" $((last + 1)) "features: the kernel's capabilities"
is "$(setpriv --reuid 65534 --regid 65534 --clear-groups "$top_builddir/src/cloister" features 2>&1 | json 'd["ociVersionMin"]')" \
	1.0.0 "features: without privileges"
fails 1 "features: arguments are refused" cloister features now
fails 1 "features: a full disk is an error" sh -c "'$top_builddir/src/cloister' features >/dev/full"

### spec
ok "spec writes config.json" cloister spec --bundle "$bundle"
is "$(json 'd["process"]["args"]' <"$bundle/config.json")" '["sh"]' "spec: runs sh"
is "$(json 'd["root"]["path"]' <"$bundle/config.json")" rootfs "spec: the root is beside it"
cp "$bundle/config.json" "$work/before"
fails 1 "spec: does not overwrite" cloister spec --bundle "$bundle"
ok "spec: what was there is untouched" cmp "$work/before" "$bundle/config.json"
ok "spec: -f, --rootless" cloister spec --rootless -b "$bundle" -f other.json
ok "spec: -f writes the same" cmp "$bundle/config.json" "$bundle/other.json"
fails 1 "spec: a bundle that is not there" cloister spec --bundle "$work/none"

# edit EXPRESSION: config.json is what spec wrote, changed by Python with the document in d.
edit() {
	python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); exec(sys.argv[2]); json.dump(d,open(sys.argv[3],"w"))' \
		"$work/before" "d['process']['terminal']=False; $1" "$bundle/config.json"
}
edit 'd["process"]["args"]=["sh","-c","id -u; hostname"]'
is "$(cloister run --bundle "$bundle" "$(cname run)" </dev/null 2>&1 | tr '\n' ' ')" "0 cloister " "what spec wrote runs"

# What `features` names, all of it in one container; and what it says it has not is refused by name.
cat >"$work/all.py" <<'PY'
import json, sys
f, d = json.load(sys.stdin), json.load(open(sys.argv[1]))
d["process"].update(terminal=False, args=["sh", "-c", "grep -o ' /all/[^ ]*' /proc/mounts"])
for o in f["mountOptions"]:
    bind = {"bind": ["bind"], "rbind": ["rbind"], "idmap": ["bind", o], "ridmap": ["rbind", o], "remount": ["bind", o, "ro"]}.get(o)
    where = "/all/" + ("bind" if o == "remount" else o)
    d["mounts"].append({"destination": where, "type": "bind" if bind else "tmpfs", "source": sys.argv[2] if bind else "none", "options": bind or [o]})
d["linux"]["namespaces"] = [{"type": t} for t in f["linux"]["namespaces"]]
all = f["linux"]["capabilities"]
d["process"]["capabilities"] = {k: all for k in ("bounding", "effective", "permitted")}
s = f["linux"]["seccomp"]
rules = zip([a for a in s["actions"] if a != "SCMP_ACT_ALLOW"], s["operators"] * 2)
d["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": s["archs"], "flags": s["supportedFlags"], "listenerPath": sys.argv[3], "syscalls": [
    {"names": ["personality"], "action": a, "args": [{"index": 2, "op": o, "value": 1000 + i, "valueTwo": 1000 + i}, {"index": 1, "op": "SCMP_CMP_EQ", "value": 99}]}
    for i, (a, o) in enumerate(rules)]}
json.dump(d, open(sys.argv[4], "w"))
PY
mkdir "$work/shown"
python3 - "$work/agent" <<'PY' &
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
while True: s.accept()[0].recv(65536)
PY
agent=$!
on_exit kill $agent
eventually 5 test -S "$work/agent"
python3 "$work/all.py" "$work/before" "$work/shown" "$work/agent" "$bundle/config.json" <<<"$features"
is "$(cloister run --bundle "$bundle" "$(cname all)" </dev/null 2>"$tap_dir/all" | sed 's:.*/::' | sort -u | xargs)" \
	"$(json '" ".join(sorted(set(d["mountOptions"]) - {"remount"}))' <<<"$features")" "features: all options of mounts, namespaces, capabilities, actions, operators, flags and architectures work" || diag "$(cat "$tap_dir/all")"
kill $agent 2>/dev/null
while IFS='|' read -r what change; do
	is "$(json "d['linux']['$what']['enabled']" <<<"$features")" false "features: no $what here"
	edit "$change"
	fails 'linux\.|selinux' "which is an error" cloister run --bundle "$bundle" "$(cname lacks)" </dev/null
done <<'END'
intelRdt|d["linux"]["intelRdt"]={"closID":"x"}
netDevices|d["linux"]["netDevices"]={"eth0":{}}
selinux|d["process"]["selinuxLabel"]="system_u:system_r:container_t:s0"
END

### Malformed documents
# bad REGEX DESC: `create` of the bundle fails so.
bad() {
	local regex=$1 desc=$2 status
	rm -f "$work/log.json"
	cloister --log "$work/log.json" --log-format json create --bundle "$bundle" "$(cname bad)" </dev/null >"$tap_dir/stdout" 2>"$tap_dir/stderr"
	status=$?
	is $status 1 "$desc: status 1" || diag "$(cat "$tap_dir/stderr")"
	is "$(wc -l <"$tap_dir/stderr")" 1 "$desc: one line" || diag "$(cat "$tap_dir/stderr")"
	like "$(cat "$tap_dir/stderr")" "$regex" "$desc: named"
	like "$(tail -n 1 "$work/log.json" | json 'd["level"]+" "+d["msg"]')" "^error .*($regex)" "$desc: in the engine's log"
	nothing_left "$desc: nothing is left"
}
n=0
while IFS='|' read -r regex change; do
	edit "$change"
	bad "$regex" "$((n += 1)) $change"
done <<'EOF'
ociVersion|del d["ociVersion"]
ociVersion|d["ociVersion"]="2.0.0"
root.path|del d["root"]
rootfs|d["root"]["path"]="nosuchrootfs"
process.args|d["process"]["args"]=[]
process.cwd|d["process"]["cwd"]="tmp"
process.user.uid|d["process"]["user"]["uid"]="root"
process.rlimits|d["process"]["rlimits"]=[{"type":"RLIMIT_X","soft":1,"hard":1}]
process.args.1.|d["process"]["args"]=["sh","x"*(1<<20)]
mounts.0..source|d["mounts"].insert(0,{"destination":"/x","options":["bind"]})
linux.namespaces|d["linux"]["namespaces"].append({"type":"pid"})
linux.namespaces|d["linux"]["namespaces"].append({"type":"moon"})
linux.cgroupsPath|d["linux"]["cgroupsPath"]="/../../x"
hooks.prestart.0..timeout|d["hooks"]={"prestart":[{"path":"/bin/true","timeout":0}]}
hooks.poststop.0..path|d["hooks"]={"poststop":[{"path":"true"}]}
a.b|d["annotations"]={"a\nb":7}
namespaces .ipc pid. with the host|d["linux"]["namespaces"]=[n for n in d["linux"]["namespaces"] if n["type"] not in ("pid","ipc")]
host ID 0|d["linux"]["uidMappings"]=d["linux"]["gidMappings"]=[{"containerID":0,"hostID":0,"size":65536}]
non-contiguous|d["linux"]["uidMappings"]=d["linux"]["gidMappings"]=[{"containerID":0,"hostID":1000000,"size":65536},{"containerID":0,"hostID":2000000,"size":65536}]
beyond|d["linux"]["uidMappings"]=d["linux"]["gidMappings"]=[{"containerID":0,"hostID":4294901760,"size":4294967295}]
EOF
printf '{"ociVersion":"1.0.0","ociVersion":"1.0.0"}' >"$bundle/config.json"
bad 'duplicate' "a duplicate key"
printf '{"ociVersion":"1.0.0","root":{"path":"\xff"}}' >"$bundle/config.json"
bad 'config.json:1:' "invalid UTF-8"
printf '{"ociVersion":"1.0.0",' >"$bundle/config.json"
bad 'config.json:1:' "half a document"
rm "$bundle/config.json"
bad 'config.json' "no config.json"
mkfifo "$bundle/config.json"
bad 'regular file' "a FIFO for config.json"
rm "$bundle/config.json"

### An unknown capability is a warning
edit 'd["process"]["args"]=["sh","-c","echo ran"]; d["process"]["capabilities"]["bounding"].append("CAP_FLY")'
cloister run --bundle "$bundle" "$(cname warn)" </dev/null >"$tap_dir/stdout" 2>"$tap_dir/stderr"
is "$(cat "$tap_dir/stdout")" ran "an unknown capability: the container runs"
like "$(cat "$tap_dir/stderr")" 'warning: .*CAP_FLY' "and a warning names it"
cloister --log "$tap_dir/log" run --bundle "$bundle" "$(cname warn2)" </dev/null >"$tap_dir/stdout" 2>"$tap_dir/stderr"
is "$(cat "$tap_dir/stderr")" "" "with --log it does not go to the container's stderr"
like "$(cat "$tap_dir/log")" 'level=warning .*CAP_FLY' "... but to the log"
done_testing
