#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Docker Swarm on three "machines": dockerd in network namespaces of their own, joined by a bridge. A
# service runs in our containers on every node and moves when a node dies. The nodes share this kernel,
# and so the registry of id ranges. "isolation:" titles are what other runtimes fail.
TEST_TIMEOUT=${TEST_TIMEOUT:-600}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-docker; gate tool-busybox; gate tool-python3
diag "runtime $engine_runtime"
# Ranges of the machine's registry, which is a private /run/cloister here, as on any other machine.
unset CLOISTER_PRIVATE_CLAIMS
engine_private_run
engine_image_archive "$work/bb.tar" bb

# A switch in a namespace of its own, and a cable to each node.
engine_netns switch
on_exit engine_netns_end switch
in_engine_net switch ip link add br0 type bridge
in_engine_net switch ip link set br0 up
nodes="n1 n2 n3"
number=0
for node in $nodes; do
	number=$((number + 1))
	engine_netns $node
	in_engine_net switch ip link add "to-$node" type veth peer name cable netns "/proc/${engine_net[$node]}/ns/net" ||
		in_engine_net switch ip link add "to-$node" type veth peer name cable netns "${engine_net[$node]}"
	in_engine_net switch ip link set "to-$node" master br0 up
	in_engine_net $node ip addr add "192.0.2.$number/24" dev cable
	in_engine_net $node ip link set cable up
	on_exit engine_dockerd_stop $node
	engine_dockerd_start $node || { fail "dockerd $node starts"; done_testing; }
	docker_of $node load -q -i "$work/bb.tar" >/dev/null || fail "an image on $node"
done
ok "the nodes reach each other" in_engine_net n1 busybox ping -c 1 -W 5 192.0.2.3

ok "swarm init" docker_of n1 swarm init --advertise-addr 192.0.2.1 --listen-addr 192.0.2.1
token=$(docker_of n1 swarm join-token -q worker)
for node in n2 n3; do
	ok "$node joins" docker_of $node swarm join --token "$token" --advertise-addr 192.0.2.${node#n} 192.0.2.1:2377
done
ready_nodes() { [ "$(docker_of n1 node ls --format '{{.Status}}' | grep -c Ready)" = "$1" ]; }
ok "three nodes are ready" eventually 60 ready_nodes 3
# Below the limits that a network of its own would need: the service has none to the outside.
ok "service create" docker_of n1 service create --quiet --detach --no-resolve-image --name six --replicas 6 \
	--restart-delay 1s bb sleep 1000
tasks() { # NODE: ids of the service's containers that run there
	docker_of "$1" ps -q --filter label=com.docker.swarm.service.name=six
}
running_on() { local n all=0; for n; do all=$((all + $(tasks "$n" | wc -l))); done; echo $all; }
six_on() { [ "$(running_on "$@")" = 6 ]; }
ok "six replicas run" eventually 120 six_on n1 n2 n3 || diag "$(docker_of n1 service ps six --no-trunc)"
for node in $nodes; do isnt "$(tasks $node | wc -l)" 0 "$node has some of them"; done
bases() { # of all containers on these nodes
	local n id
	for n; do
		for id in $(tasks "$n"); do awk '{ print $2 }' "/proc/$(docker_of "$n" inspect -f '{{.State.Pid}}' "$id")/uid_map"; done
	done
}
isolated() { # DESC NODE…
	local desc=$1 all
	shift
	all=$(bases "$@" | sort -n)
	is "$(grep -vc '^0$' <<<"$all")" 6 "isolation: $desc: no replica's root is the host's"
	is "$(awk 'NR > 1 && $1 - last < 65536 { bad++ } { last = $1 } END { print bad + 0 }' <<<"$all")" 0 \
		"isolation: $desc: ranges are exclusive, on all nodes"
}
isolated "three nodes" n1 n2 n3

# A node dies: its daemon at once, its containers with it.
lost=$(tasks n3 | while read -r id; do docker_of n3 inspect -f '{{.State.Pid}}' "$id"; done)
kill -9 "${engine_pid[n3]}"
in_engine_net switch ip link set to-n3 down
ok "the manager sees that n3 is down" eventually 90 ready_nodes 2
ok "its replicas move" eventually 120 six_on n1 n2 || diag "$(docker_of n1 service ps six --no-trunc)"
isolated "after that" n1 n2
ok "service rm" docker_of n1 service rm six
none_left() { [ "$(running_on n1 n2)" = 0 ]; }
ok "all replicas end" eventually 60 none_left

# The dead machine's containers end as a power failure ends them; then its runtime cleans.
for pid in $lost; do kill -9 "$pid" 2>/dev/null; done
wait "${engine_pid[n3]}" 2>/dev/null
unset 'engine_pid[n3]'
in_engine_net switch ip link set to-n3 up
if engine_dockerd_start n3; then pass "n3 comes back"; else fail "n3 comes back"; fi
docker_of n3 swarm leave --force >/dev/null 2>&1
docker_of n2 swarm leave --force >/dev/null 2>&1
docker_of n1 swarm leave --force >/dev/null 2>&1

done_testing
