#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A Kubernetes node in a container, as kind makes them: systemd, containerd and its CRI plugin, driven over
# the socket as a kubelet does, and the sysctls that a kubelet sets. $INSIDE_KIND: the tree, see
# make-debian.sh.
TEST_TIMEOUT=${TEST_TIMEOUT:-400}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/machine.sh"
gate root; gate launcher; gate tool-debootstrap; gate idmap; gate tool-python3
if ! /usr/bin/python3 -c 'import grpc' 2>/dev/null; then
	must_run python3-grpc && { fail "this machine lacks python3-grpc"; done_testing; }
	skip python3-grpc "everything"
	done_testing
fi
kind=${INSIDE_KIND:-inside}
machine_root "$kind" || { fail "a Debian with containerd"; done_testing; }
m=$(cname node)
inside() { timeout 120 "$(type -P cloister)" --root "$state" exec "$m" "$@" </dev/null 2>&1; }
cri() { timeout 90 /usr/bin/python3 "$tests_lib/cri.py" "$work/node/sock" "$@" 2>&1; }
mkdir "$work/node"
make_root "$work/root"
for i in pause bb; do
	python3 "$tests_lib/image.py" "$work/node/$i.tar" localhost/$i "$work/root" \
		--config '{"Entrypoint":["/bin/sleep","100000"],"Env":["PATH=/bin:/sbin"]}'
done
cat >"$work/node/config.toml" <<'END_OF_CONFIG'
version = 2
[grpc]
  address = "/node/sock"
[plugins."io.containerd.snapshotter.v1.overlayfs"]
  slow_chown = true
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:latest"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/node/bin"
    conf_dir = "/node/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
END_OF_CONFIG
mkdir "$work/node/cni"
cp -rL /usr/lib/cni "$work/node/bin"
# As new as kind's: bookworm's, with its runc, makes resolv.conf read-only without keeping "nodev", which is
# locked.
debs=$("$top_srcdir/tests/vm/fetch-deb.sh" sid containerd) || {
	skip vm "a containerd of these days cannot be fetched"
	done_testing
}
cp "$debs"/usr/bin/* "$work/node/bin/"
cat >"$work/node/cni/10-node.conflist" <<'END_OF_NET'
{ "cniVersion": "0.4.0", "name": "node", "plugins": [ { "type": "ptp", "ipMasq": true, "ipam": { "type": "host-local",
  "subnet": "10.214.7.0/24", "routes": [ { "dst": "0.0.0.0/0" } ] } } ] }
END_OF_NET
ok "the node boots" machine_up "$m" "$kind" --memory 2g --hostname node --volume "$work/node:/node"

### What a kubelet sets (and kind's, kubeadm's and kube-proxy's scripts)
while read -r key value; do
	file=/proc/sys/${key//./\/}
	was=$(cat "$file" 2>/dev/null)
	inside sysctl -qw "$key=$value"
	is "$(inside cat "$file")" "$value" "$key=$value"
	is "$(cat "$file" 2>/dev/null)" "$was" "isolation: $key of the host stays"
done <<'END_OF_SYSCTLS'
vm.overcommit_memory 1
vm.panic_on_oom 0
kernel.panic 10
kernel.panic_on_oops 1
kernel.keys.root_maxkeys 1000000
kernel.keys.root_maxbytes 25000000
net.netfilter.nf_conntrack_max 131072
net.ipv4.ip_forward 1
END_OF_SYSCTLS

### Pods
inside sh -c 'systemctl stop docker.socket docker containerd; echo nameserver 192.0.2.1 >/etc/resolv.conf' >/dev/null
ok "containerd starts" inside systemd-run -q --unit node-containerd -E PATH=/node/bin:/usr/sbin:/usr/bin /node/bin/containerd --config /node/config.toml
if ! ok "... with its CRI plugin" eventually 40 inside ctr --address /node/sock version; then
	diag "$(inside journalctl -u node-containerd -n 5 --no-pager -o cat)"
fi
for i in pause bb; do ok "image $i" inside ctr --address /node/sock -n k8s.io image import "/node/$i.tar"; done

map=''
host_uptime=$(cut -d . -f 1 /proc/uptime)
try_pod() { # NAME
	local pod one
	pod=$(cri run-pod "$1" runc)
	if ! like "$pod" '^[0-9a-f]{64}$' "$1: the pod runs"; then
		diag "$(inside journalctl -u node-containerd -n 8 --no-pager -o cat)"
		return
	fi
	one=$(cri create "$pod" "$1" c localhost/bb:latest)
	like "$one" '^[0-9a-f]{64}$' "$1: a container in it"
	ok "$1: ... starts" cri start "$one"
	like "$(cri exec "$one" ip -o addr show eth0)" 'inet 10\.214\.7\.' "$1: the network that CNI made"
	is "$(cri exec "$one" ls /sys/class/net | xargs)" "eth0 lo" "$1: /sys/class/net shows it"
	below "$(cri exec "$one" cut -d . -f 1 /proc/uptime)" "$host_uptime" "isolation: $1: the node's uptime"
	is "$(cri exec "$one" sed -n 's/^MemTotal: *//p' /proc/meminfo)" "2097152 kB" "isolation: $1: and memory"
	like "$(cri exec "$one" sh -c 'echo 0 >/proc/sys/vm/overcommit_memory' 2>&1)" 'Read-only|denied' "isolation: $1: sets no sysctl of the node"
	map=$(cri exec "$one" cat /proc/self/uid_map | xargs)
	ok "$1: stops" cri stop-pod "$pod"
	ok "$1: is removed" cri remove-pod "$pod"
}
export CRI_READONLY="/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger"
try_pod one
is "$map" "$(inside cat /proc/self/uid_map | xargs)" "hostUsers: true: the node's ids"
try_pod two
cloister delete --force "$m"
done_testing
