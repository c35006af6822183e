#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A Kubernetes node in a container, as kind makes them: systemd, containerd and its CRI plugin, driven over
# the socket as a kubelet does, and the sysctls that a kubelet sets. $INSIDE_KIND: the tree, see
# make-debian.sh.
TEST_TIMEOUT=${TEST_TIMEOUT:-400}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/machine.sh"
gate root; gate launcher; gate idmap; gate tool-python3
if ! /usr/bin/python3 -c 'import grpc' 2>/dev/null; then
	must_run python3-grpc && { fail "this machine lacks python3-grpc"; done_testing; }
	skip python3-grpc "everything"
	done_testing
fi
kind=${INSIDE_KIND:-inside}
machine_gate "$kind"
machine_root "$kind" || { fail "a Debian with containerd"; done_testing; }
m=$(cname node)
inside() { timeout $((120 * ${TEST_SLOW:-1})) "$(type -P cloister)" --root "$state" exec "$m" "$@" </dev/null 2>&1; }
cri() { timeout $((90 * ${TEST_SLOW:-1})) /usr/bin/python3 "$tests_lib/cri.py" "$work/node/sock" "$@" 2>&1; }
mkdir "$work/node"
make_root "$work/root"
chown 1000:1000 "$work/root/home"
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
debs=$top_srcdir/trees/containerd
[ -d "$debs" ] || debs=$("$top_srcdir/tests/vm/fetch-deb.sh" sid containerd) || {
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
ok "containerd starts" inside systemd-run -q -p StandardError=append:/node/log -E PATH=/node/bin:/usr/sbin:/usr/bin /node/bin/containerd --config /node/config.toml
if ! ok "... with its CRI plugin" eventually 40 inside ctr --address /node/sock version; then
	diag "$(tail -n 5 "$work/node/log")"
fi
for i in pause bb; do ok "image $i" inside ctr --address /node/sock -n k8s.io image import "/node/$i.tar"; done

pod_up() { # NAME HANDLER: sets $pod, and $one, a container in it
	pod=$(cri run-pod "$1" "$2")
	if ! like "$pod" '^[0-9a-f]{64}$' "$1: the pod runs"; then
		diag "$(tail -n 8 "$work/node/log")"
		return 1
	fi
	one=$(cri create "$pod" "$1" c localhost/bb:latest)
	like "$one" '^[0-9a-f]{64}$' "$1: a container in it"
	ok "$1: ... starts" cri start "$one"
	like "$(cri exec "$one" ip -o addr show eth0)" 'inet 10\.214\.7\.' "$1: the network that CNI made"
	is "$(cri exec "$one" ls /sys/class/net | xargs)" "eth0 lo" "$1: /sys/class/net shows it"
	below "$(cri exec "$one" cut -d . -f 1 /proc/uptime)" "$(machine_age)" "isolation: $1: the node's uptime"
	is "$(cri exec "$one" sed -n 's/^MemTotal: *//p' /proc/meminfo)" "2097152 kB" "isolation: $1: and memory"
	like "$(cri exec "$one" sh -c 'echo 0 >/proc/sys/vm/overcommit_memory' 2>&1)" 'Read-only|denied' "isolation: $1: sets no sysctl of the node"
}
pod_down() { # NAME
	ok "$1: stops" cri stop-pod "$pod"
	ok "$1: is removed" cri remove-pod "$pod"
}
export CRI_READONLY="/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger"
for name in one two; do
	pod_up $name runc || continue
	is "$(cri exec "$one" cat /proc/self/uid_map | xargs)" "$(inside cat /proc/self/uid_map | xargs)" "$name: hostUsers: true: the node's ids"
	pod_down $name
done
cloister delete --force "$m"

### Pods with ids of their own ("hostUsers: false")
# A kubelet gives each 65536 of those from 65536 on: the node has to have more. It takes a newer runc, and what is to be
# ID-mapped anew has to be of the container's own: on tmpfs. Images may be elsewhere for a snapshotter that maps nothing.
have idmap-tmpfs || { skip idmap-tmpfs "hostUsers: false"; done_testing; }
machine_root inside-sid || { fail "a Debian with the newest runc"; done_testing; }
cat >>"$work/node/config.toml" <<'END_OF_CONFIG'
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.disk]
    runtime_type = "io.containerd.runc.v2"
    snapshotter = "native"
END_OF_CONFIG
m=$(cname users)
mkdir "$work/users"
cloister spec --bundle "$work/users"
cloister features | python3 -c '
import json, sys
path, work, features = sys.argv[1], sys.argv[2], json.load(sys.stdin)
d = json.load(open(path))
p, l = d["process"], d["linux"]
d["root"] = {"path": work + "/inside-sid/root"}
p.update(terminal=False, args=["sh", "-c", "echo nameserver 192.0.2.1 >/etc/resolv.conf; containerd --config /node/config.toml 2>/node/log & wait"])
p["capabilities"] = {s: features["linux"]["capabilities"] for s in ("bounding", "effective", "permitted")}
next(m for m in d["mounts"] if m["type"] == "cgroup")["options"].remove("ro")
for path_inside in "kubelet", "containerd/io.containerd.grpc.v1.cri", "containerd/io.containerd.snapshotter.v1.overlayfs":
    d["mounts"].append({"destination": "/var/lib/" + path_inside, "type": "tmpfs", "source": "tmpfs"})
d["mounts"].append({"destination": "/node", "source": work + "/node", "options": ["bind"]})
del l["seccomp"]
l["uidMappings"] = l["gidMappings"] = [{"containerID": 0, "hostID": 700000, "size": 4 * 65536}]
l["resources"]["memory"] = {"limit": 2 << 30}
json.dump(d, open(path, "w"))' "$work/users/config.json" "$work"
node_runs() { cloister run --detach --bundle "$work/users" "$m" </dev/null >"$work/users/out" 2>&1; }
ok "a node with more ids" node_runs || diag "$(cat "$work/users/out")"
ok "containerd starts with its CRI plugin" eventually 40 inside ctr --address /node/sock version
for i in pause bb; do ok "image $i" inside ctr --address /node/sock -n k8s.io image import "/node/$i.tar"; done
volume=/var/lib/kubelet/v
inside install -d -o 1000 $volume/user
inside install -d -m 0700 $volume/root
ids_up() { # NAME HANDLER BASE
	export CRI_HOST_IDS=$3 CRI_MOUNT=$volume:/v
	pod_up "$1" "$2" || return
	is "$(cri exec "$one" cat /proc/self/uid_map | xargs)" "0 $3 65536" "$1: hostUsers: false: ids of its own"
	is "$(inside sh -c 'stat -c %u /proc/$(pgrep -nx sleep)')" "$3" "isolation: $1: its root is nobody on the node"
	is "$(cri exec "$one" stat -c %u / /bin /home /etc/hosts /etc/resolv.conf /etc/hostname /v/root /v/user | xargs)" "0 0 1000 0 0 0 0 1000" \
		"$1: owners in the image, in what containerd makes, in a volume"
	ok "$1: its root writes to the volume" cri exec "$one" sh -c "echo $1 >/v/root/$1"
	ok "$1: a user does" cri exec "$one" su user -c "echo $1 >/v/user/$1"
	is "$(inside stat -c %u "$volume/root/$1" "$volume/user/$1" | xargs)" "0 1000" "$1: the node sees the same owners"
	ok "$1: its root writes to the image" cri exec "$one" sh -c 'echo >/home/new; chown user /home/new'
}
if ids_up three runc 65536; then
	one=$(CRI_MOUNT=/node:/v cri create "$pod" three other localhost/bb:latest)
	like "$(cri start "$one")" 'MOUNT_ATTR_IDMAP on /node: operation not permitted' "three: one of the host's is refused, and the error says why"
	pod_down three
fi
ids_up four disk 131072 && pod_down four
cloister delete --force "$m"
done_testing
