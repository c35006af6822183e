#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Which image a container is of, where the engine is containerd or Podman: what the settings allow them of
# an engine's socket.
TEST_TIMEOUT=${TEST_TIMEOUT:-900}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate tool-busybox; gate tool-python3; gate tool-docker-registry; gate engine-containerd

allow() { printf '{ "enhancedContainerIsolation": { "dockerSocketMount": { "imageList": { "images": [ %s ] } } } }\n' "$1" >"$work/settings.json"; }
allow ''
export CLOISTER_SETTINGS=$work/settings.json
denied='enhanced container isolation: docker socket mount denied for container with image'

mkdir "$work/reg"
printf 'version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: %s } }\nhttp: { addr: 127.0.0.1:5990 }\n' "$work/reg" >"$work/reg.yml"
engine_image_archive "$work/bb.tar" bb

### containerd
on_exit engine_containerd_stop
engine_containerd_start || { fail "containerd starts"; done_testing; }
engine_netns reg; on_exit engine_netns_end reg
nsenter --net="/proc/${engine_net[reg]}/ns/net" docker-registry serve "$work/reg.yml" </dev/null >"$work/reg.log" 2>&1 &
registry=$!; on_exit kill $registry
eventually 10 in_engine_net reg python3 -c 'import socket; socket.create_connection(("127.0.0.1", 5990))' 2>/dev/null
in_reg() { in_engine_net reg timeout 60 ctr --address "$work/containerd/sock" "$@"; }
tool=localhost:5990/team/tool
ok "an image is loaded" ctr images import "$work/bb.tar"
loaded=$(ctr images ls -q | head -n 1)
ctr images tag "$loaded" $tool:1 >/dev/null
# A pull is what makes the labels; what was only loaded and tagged has none.
# shellcheck disable=SC2046
run_ctr() { local image=$1 id=$2; shift 2; ctr run --rm $(ctr_runtime) --mount "type=bind,src=$work/containerd/sock,dst=/s,options=rbind:ro" "$@" "$image" "$id" true; }
fails "$denied \"docker.io/library/bb\"" "containerd: the socket is refused" run_ctr "$loaded" "t$$-1"
allow "\"$tool:1\""
fails "$denied \"$tool\"" "containerd: a tag alone says nothing" run_ctr $tool:1 "t$$-2"
# Newer ones have the daemon do it, whose network is another.
itself=$(ctr images push --help | grep -q -e --local && echo --local)
# shellcheck disable=SC2086
ok "it is pushed" in_reg images push $itself --plain-http $tool:1
ctr images rm --sync $tool:1 "$loaded" >/dev/null
# shellcheck disable=SC2086
ok "... and pulled" in_reg images pull $itself --plain-http $tool:1
ok "containerd: NAME:TAG of what was pulled" run_ctr $tool:1 "t$$-3"
allow "\"$tool@$(ctr images ls | awk -v n=$tool:1 '$1 == n { print $3 }')\""
ok "containerd: NAME@DIGEST" run_ctr $tool:1 "t$$-4"
allow "\"$tool:2\""
fails "$denied \"$tool\"" "containerd: another tag" run_ctr $tool:1 "t$$-5"
allow "\"localhost:5990/other/*:*\""
fails "$denied \"$tool\"" "containerd: another repository" run_ctr $tool:1 "t$$-6"
# shellcheck disable=SC2046
ok "containerd: other containers are not concerned" ctr run --rm $(ctr_runtime) $tool:1 "t$$-7" true

### Podman, which is the same whatever ENGINE_TREE says
if [ -n "${ENGINE_TREE:-}" ]; then
	:
elif have engine-podman; then
	on_exit engine_podman_stop
	engine_podman_setup
	ok "podman: an image is loaded" podman load -q -i "$work/bb.tar"
	image=$(podman images -q --no-trunc | head -n 1)
	run_podman() { podman --runtime-flag "settings=$work/settings.json" run --rm --network none -v "$work/containerd/sock:/s" "$@" true; }
	allow ''
	fails "$denied" "podman: the socket is refused" run_podman bb
	allow '"localhost/bb:*"'
	fails "$denied .*does not say where an image came from" "podman: a name alone says nothing, and that is said" run_podman bb
	allow "\"$image\""
	ok "podman: the digest of the configuration" run_podman bb
	allow "\"localhost/bb@$(podman image inspect -f '{{.Digest}}' bb)\""
	ok "podman: NAME@DIGEST" run_podman bb
	allow "\"sha256:$(printf %064d 1)\""
	fails "$denied" "podman: another digest" run_podman bb
	ok "podman: other containers are not concerned" podman run --rm --network none bb true
else
	skip engine-podman "images of Podman"
fi

### No engine at all
allow '"*"'
ok "the list \"*\" asks for no image" cloister --settings "$work/settings.json" launch -v "$work/containerd/sock:/s" -- true
allow '"bb"'
fails "$denied \"unknown\".*no engine's store knows the container's image" "a container of nobody's" launch -v "$work/containerd/sock:/s" -- true
unset CLOISTER_SETTINGS
done_testing
