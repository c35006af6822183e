#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# containerd's CRI plugin, as a kubelet uses it: pods whose RuntimeClass names the handler `cloister`,
# with a network namespace that CNI made. "isolation:" titles are what other runtimes fail.
TEST_TIMEOUT=${TEST_TIMEOUT:-600}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-containerd; gate tool-busybox; gate tool-python3
if ! /usr/bin/python3 -c 'import grpc' 2>/dev/null; then
	must_run python3-grpc && { fail "this machine lacks python3-grpc"; done_testing; }
	skip python3-grpc "everything"
	done_testing
fi
# test-cri-users.sh: a newer containerd, which knows `hostUsers: false`.
PATH=${CRI_CONTAINERD:+$CRI_CONTAINERD:}$PATH
dir=$work/containerd
cri() { timeout 90 /usr/bin/python3 "$tests_lib/cri.py" "$dir/sock" "$@"; }
start_containerd() {
	engine_private_run || return 1
	mkdir -p "$dir/cni" "$dir/cni-state"
	cat >"$dir/cni/10-test.conflist" <<-END
		{ "cniVersion": "0.4.0", "name": "cloister-test", "plugins": [ { "type": "ptp",
		  "ipam": { "type": "host-local", "dataDir": "$dir/cni-state", "subnet": "10.213.77.0/24",
		  "routes": [ { "dst": "0.0.0.0/0" } ] } } ] }
	END
	cat >"$dir/config.toml" <<-END
		version = 2
		root = "$dir/root"
		state = "$dir/state"
		[grpc]
		  address = "$dir/sock"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "localhost/pause:latest"
		  disable_apparmor = true
		  restrict_oom_score_adj = true
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "/usr/lib/cni"
		    conf_dir = "$dir/cni"
		  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		    runtime_type = "io.containerd.runc.v2"
		  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.cloister]
		    runtime_type = "io.containerd.runc.v2"
		    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.cloister.options]
		      BinaryName = "$engine_runtime"
	END
	containerd --config "$dir/config.toml" </dev/null >>"$dir/log" 2>&1 &
	engine_pid[containerd]=$!
	eventually 30 engine_containerd_up
}
ctr() { command ctr --address "$dir/sock" -n k8s.io "$@"; }
pod='' pod2=''
stop() {
	local p
	for p in $pod $pod2; do cri stop-pod "$p"; cri remove-pod "$p"; done >/dev/null 2>&1
	engine_end containerd
}
on_exit stop

allow() { printf '{ "enhancedContainerIsolation": { "dockerSocketMount": { "imageList": { "images": [ %s ] } } } }\n' "$1" >"$work/settings.json"; }
allow ''
export CLOISTER_SETTINGS=$work/settings.json
make_root "$work/root"
python3 "$tests_lib/image.py" "$work/pause.tar" localhost/pause "$work/root" --config '{"Entrypoint":["/bin/sleep","100000"],"Env":["PATH=/bin"]}'
python3 "$tests_lib/image.py" "$work/bb.tar" localhost/bb "$work/root" --config '{"Cmd":["sh"],"Env":["PATH=/bin:/sbin"]}'
if ! start_containerd; then
	fail "containerd starts with its CRI plugin"
	diag "$(tail -n 5 "$dir/log")"
	done_testing
fi
ok "images are imported" sh -c "ctr --address '$dir/sock' -n k8s.io image import '$work/pause.tar' && ctr --address '$dir/sock' -n k8s.io image import '$work/bb.tar'"
pod=$(cri run-pod web cloister 2>&1)
like "$pod" '^[0-9a-f]{64}$' "a pod runs by the handler's name"
one=$(cri create "$pod" web one localhost/bb:latest /bin/sleep 100000 2>&1)
like "$one" '^[0-9a-f]{64}$' "a container in it"
ok "... starts" cri start "$one"
two=$(cri create "$pod" web two localhost/bb:latest /bin/sleep 100000 2>&1)
ok "a second one starts" cri start "$two"
map=$(cri exec "$one" cat /proc/self/uid_map 2>&1)
unlike "$map" '^ *0 +0 ' "isolation: root is not root of the host"
like "$map" '^ *0 +[1-9][0-9]+ +65536' "... but of a range"
is "$(cri exec "$two" cat /proc/self/uid_map)" "$map" "the containers of a pod share it"
below "$(cri exec "$one" cut -d . -f 1 /proc/uptime)" 60 "isolation: uptime begins with the container"
like "$(cri exec "$one" ip -o addr show eth0 2>&1)" 'inet 10\.213\.77\.' "the network that CNI made"
is "$(cri exec "$one" readlink /proc/self/ns/net)" "$(cri exec "$two" readlink /proc/self/ns/net)" "... which both share"
isnt "$(cri exec "$one" readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)" "... and which is not the host's"
is "$(cri exec "$one" readlink /proc/self/ns/ipc)" "$(cri exec "$two" readlink /proc/self/ns/ipc)" "ipc is the pod's"
is "$(cri exec "$one" sh -c 'ls /sys/class/net | tr "\n" " "')" "eth0 lo " "/sys/class/net shows that network"
is "$(cri exec "$one" sh -c 'nc -l -p 80 -e true & sleep 0.2; kill $! && echo bound')" bound "a port below 1024"
# Who owns a network pings by raw sockets, others by ping sockets.
ping=${CRI_HOST_IDS:+ping -c 1}
like "$(cri exec "$one" ${ping:-attack ping} "$(cri exec "$one" ip route | sed -n 's/^default via \([0-9.]*\).*/\1/p')" 2>&1)" 'answered|1 packets received' "ping"
if [ -z "${CRI_HOST_IDS:-}" ]; then
	unlike "$(cri exec "$one" ip link set lo down 2>&1; cri exec "$one" ip -o link show lo)" 'lo:.*DOWN' "isolation: no power over it"
else
	like "$map" " $CRI_HOST_IDS +65536\$" "the ids are those that the kubelet chose"
fi
is "$(cri exec "$one" sh -c 'exit 7'; echo $?)" 7 "exec's exit status"
[ -z "${CRI_HOST_IDS:-}" ] || CRI_HOST_IDS=$((CRI_HOST_IDS + 65536))
pod2=$(cri run-pod other cloister 2>&1)
three=$(cri create "$pod2" other three localhost/bb:latest /bin/sleep 100000 2>&1)
ok "another pod" cri start "$three"
isnt "$(cri exec "$three" cat /proc/self/uid_map)" "$map" "isolation: has ids of its own"

# The engine's socket is given by the image, which the CRI plugin's record names.
socket() { # NAME: a container with it
	local id
	id=$(CRI_MOUNT="$dir/sock:/s" cri create "$pod2" other "$1" localhost/bb:latest /bin/sleep 100000) &&
		cri start "$id" && cri exec "$id" sh -c 'test -S /s && echo socket'
}
denied='docker socket mount denied for container with image "localhost/bb"'
like "$(socket none 2>&1)" "$denied" "the engine's socket is refused"
allow '"localhost/bb:latest"'
like "$(socket tag 2>&1)" "$denied" "... to a tag alone"
allow "\"sha256:$(printf %064d 1)\""
like "$(socket digest 2>&1)" "$denied" "... to another image"
allow "\"sha256:$(python3 -c 'import json, sys, tarfile; print(json.load(tarfile.open(sys.argv[1]).extractfile("manifest.json"))[0]["Config"].split(".")[0].split("/")[-1])' "$work/bb.tar")\""
is "$(socket given 2>&1)" socket "... and given to an image that is allowed"

ok "stop a container" cri stop "$two"
ok "remove it" cri remove "$two"
for p in $pod $pod2; do
	ok "stop a pod" cri stop-pod "$p"
	ok "remove it" cri remove-pod "$p"
done
pod='' pod2=''
unset CLOISTER_SETTINGS
done_testing
