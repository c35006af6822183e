#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Engine sockets: recognised by whatever name leads to them, and given only to images that the settings
# allow, decided by content. Under dockerd, with a registry on loopback.
TEST_TIMEOUT=${TEST_TIMEOUT:-900}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-docker; gate tool-busybox; gate tool-python3; gate tool-curl

# settings [SOCKET-MEMBERS [CLOISTER-SECTION]]
settings() { printf '{ "enhancedContainerIsolation": { "locked": true, "value": true, "dockerSocketMount": { %s } }, "cloister": { %s } }\n' "${1:-}" "${2:-}" >"$work/settings.json"; }
allow() { settings "\"imageList\": { \"images\": [ $1 ]${3:-} }, \"commandList\": { \"type\": \"allow\", \"commands\": [] }" "${2:-}"; }
settings
ENGINE_RUNTIME_ARGS="\"--settings\", \"$work/settings.json\""
# containerd's image store keeps no registry's port; Docker wants to be told then that it speaks HTTP.
port=:5000 listen=5000
[ "${ENGINE_STORE:-}" != containerd ] || port='' listen=80
engine_docker_ready d ', "insecure-registries": [ "localhost" ]'
docker tag bb docker:cli
sock=$work/d/sock
mkdir "$work/dir"

message() { echo "enhanced container isolation: docker socket mount denied for container with image \"$1\"; image is not in the allowed list; if you wish to allow it, configure the docker socket image list in the Cloister settings\\."; }
denied() { # DESC IMAGE-NAME IMAGE OPTION…
	local desc=$1 name=$2 image=$3
	shift 3
	fails "$(message "$name")" "$desc" docker run --rm "$@" "$image" true
}
official=docker.io/library/docker
# What an allowed container gets is the proxy's, with the list (here: nothing but what all may).
given() { # DESC IMAGE
	local pid said
	if ! said=$(docker run -d --name given -v "$sock:/var/run/docker.sock" "$2" sleep 1000 2>&1); then
		fail "$1"; diag "$said"
		docker rm -f given >/dev/null 2>&1
		return
	fi
	pid=$(pid_of given)
	said=$(curl -s -m 10 --unix-socket "/proc/$pid/root/var/run/docker.sock" http://d/_ping)
	said+=" $(curl -s -m 10 --unix-socket "/proc/$pid/root/var/run/docker.sock" http://d/containers/json)"
	docker rm -f given >/dev/null
	like "$said" '^OK .*enhanced container isolation: docker command .*/containers/json.* is blocked' "$1"
}

### Recognised: with other engines there is no difference
if [ -z "${SOCKET_IMAGES_ONLY:-}" ]; then
denied "example: the engine's socket" $official docker:cli -v "$sock:/var/run/docker.sock"
denied "by --mount" $official docker:cli --mount type=bind,src="$sock",dst=/s
denied "read-only is no difference" $official docker:cli -v "$sock:/s:ro"
mkdir "$work/els"; ln "$sock" "$work/els/other"; ln -s "$sock" "$work/els/link"
denied "a hard link of another name" $official docker:cli -v "$work/els/other:/s"
denied "a symlink" $official docker:cli -v "$work/els/link:/s"
denied "a directory that contains one" $official docker:cli -v "$work/d/exec/libnetwork:/d"
like "$(docker run --rm -v "$work/d/exec/libnetwork:/d" docker:cli true 2>&1)" 'contains the socket "[^"]*/libnetwork/[^"]*"; containers that are allowed mount the socket itself' "... and it is said why"
fails 'restricted host mount' "containerd's state" docker run --rm -v "$work/d/exec/containerd/daemon:/d" docker:cli true
fails 'restricted host mount' "the directory of the whole engine" docker run --rm -v "$work/d:/d" docker:cli true
: >"$work/dir/file"; mount --bind "$sock" "$work/dir/file"; on_exit umount "$work/dir/file"
denied "a bind alias" $official docker:cli -v "$work/dir/file:/s"
denied "/proc/self/root" $official docker:cli -v "/proc/self/root$sock:/s"
docker volume create --opt type=none --opt o=bind --opt device="$work/d/exec/libnetwork" dv >/dev/null
denied "a volume of the directory that contains it" $official docker:cli -v dv:/d
docker volume create --opt type=none --opt o=bind --opt device="$sock" sv >/dev/null
fails '*' "a volume of the socket itself" docker run --rm -v sv:/s docker:cli true
docker create --name holder -v "$sock:/s" bb >/dev/null
denied "--volumes-from" $official docker:cli --volumes-from holder
docker rm holder >/dev/null; docker volume rm dv sv >/dev/null
# Nobody packages one: what is told apart is the program that listens.
cp "$(readlink -f "$(type -P python3)")" "$work/els/buildkitd"
"$work/els/buildkitd" -c 'import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(1000)' "$work/els/kit" &
listener=$!; on_exit kill $listener
eventually 5 test -S "$work/els/kit"
denied "eci 13: BuildKit's own socket" $official docker:cli -v "$work/els/kit:/s"
rm "$work/els/kit" "$work/els/buildkitd"
denied "containerd's socket" $official docker:cli -v "$work/d/exec/containerd/containerd.sock:/s"
fails "$(message $official)|restricted host mount" "a plugin's directory" docker run --rm -v /run/docker/plugins:/p docker:cli true
python3 -c 'import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(1000)' "$work/els/mine" &
listener=$!; on_exit kill $listener
eventually 5 test -S "$work/els/mine"
rm "$work/els/other"
ok "a socket of somebody else passes" docker run --rm -v "$work/els/mine:/s" bb test -S /s
ok "... and a directory with it" docker run --rm -v "$work/els:/e" bb test -S /e/mine
mv "$work/els/mine" "$work/els/docker.sock"
ok "the name makes no engine" docker run --rm -v "$work/els/docker.sock:/var/run/docker.sock" bb test -S /var/run/docker.sock

# An abstract socket has no file to mount: it is its network namespace's, which no container shares.
abstract=cloister-test-$$
in_engine_net d python3 -c 'import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind("\0" + sys.argv[1]); s.listen(); time.sleep(1000)' $abstract &
listener=$!; on_exit pkill -P $listener # it is a child of the shell that went there
ok "an abstract socket, for whoever is in the engine's network namespace" eventually 5 in_engine_net d "$attack" connect-abstract $abstract
fails ECONNREFUSED "... is not there in a container" docker run --rm bb attack connect-abstract $abstract
fails ECONNREFUSED "... that is privileged" docker run --rm --privileged bb attack connect-abstract $abstract
if have tool-runc; then
	docker run -d --name hostnet --runtime runc --network host bb sleep 1000 >/dev/null
	is "$(docker exec hostnet attack connect-abstract $abstract 2>&1; echo $?)" 0 "... it is in one of runc's that shares it"
	fails "can't share a network namespace with the host" "... which none of Cloister's joins" docker run --rm --network container:hostnet bb true
	docker rm -f hostnet >/dev/null
fi

fi

### Allowed, by content
settings
denied "an image by its id" docker.io/library/bb "$(docker image inspect -f '{{slice .Id 7 19}}' bb)" -v "$sock:/s"
allow '"docker:cli"'
denied "a tag alone says nothing" $official docker:cli -v "$sock:/s"
allow '"*"'
given "the list \"*\"" bb
fails 'contains the socket' "... gives no directory with the socket" docker run --rm -v "$work/d/exec/libnetwork:/d" bb true
allow "\"$(docker image inspect -f '{{.Id}}' bb)\""
given "the image's ID" bb
allow "\"sha256:$(python3 -c 'import json, sys, tarfile; print(json.load(tarfile.open(sys.argv[1]).extractfile("manifest.json"))[0]["Config"].split(".")[0].split("/")[-1])' "$work/bb.tar")\""
given "the digest of the configuration" bb
docker run --name cc bb touch /changed; docker commit cc evil >/dev/null; docker rm cc >/dev/null
denied "... allows no other image" docker.io/library/evil evil -v "$sock:/s"
if have tool-docker-registry; then
	mkdir "$work/reg"
	printf 'version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: %s } }\nhttp: { addr: 127.0.0.1:%s }\n' "$work/reg" "$listen" >"$work/reg.yml"
	nsenter --net="/proc/${engine_net[d]}/ns/net" docker-registry serve "$work/reg.yml" >"$work/reg.log" 2>&1 &
	registry=$!; on_exit kill $registry
	eventually 10 in_engine_net d python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])))' "$listen" 2>/dev/null
	tool=localhost$port/team/tool
	docker tag bb $tool:1
	ok "an image is pushed" docker push -q $tool:1
	docker rmi $tool:1 >/dev/null; docker rmi bb docker:cli >/dev/null
	ok "... and pulled" docker pull -q $tool:1
	allow "\"$tool:1\""
	given "NAME:TAG" $tool:1
	allow "\"$tool\""
	denied "no tag means latest" $tool $tool:1 -v "$sock:/s"
	allow "\"$tool:*\""
	given "NAME:*" $tool:1
	allow "\"localhost$port/team/*:*\""
	given "a glob in the name" $tool:1
	allow "\"localhost$port/*:*\""
	denied "... matches between slashes" $tool $tool:1 -v "$sock:/s"
	digest=$(docker image inspect -f '{{index .RepoDigests 0}}' $tool:1)
	allow "\"$digest\""
	given "NAME@DIGEST" $tool:1
	given "... by which it may be started as well" "$digest"
	allow "\"$tool@sha256:$(printf %064d 1)\""
	denied "another digest" $tool $tool:1 -v "$sock:/s"
	allow "\"$tool:1\""
	# Derived: its lowest layers are the allowed image's.
	printf 'FROM %s:1\nRUN touch /derived\n' $tool >"$work/Dockerfile"
	ok "an image is built on it" env DOCKER_BUILDKIT=0 DOCKER_CONFIG="$engine_cli" "$engine_docker" -H "unix://$engine_socket" build -q -t mine -f "$work/Dockerfile" "$work/dir"
	denied "a derived image" docker.io/library/mine mine -v "$sock:/s"
	allow "\"$tool:1\"" '' ', "allowDerivedImages": true'
	given "allowDerivedImages" mine
	docker run --name cc $tool:1 touch /x; docker export cc | docker import - unrelated >/dev/null; docker rm cc >/dev/null
	denied "... not for what only looks alike" docker.io/library/unrelated unrelated -v "$sock:/s"
	allow "\"$tool:1\""
	# As Docker's page has it: the allowed name for another image.
	docker rmi -f mine evil $tool:1 >/dev/null 2>&1
	docker tag unrelated $tool:1
	denied "example: an image that was given an allowed name" $tool $tool:1 -v "$sock:/s"
	docker rmi $tool:1 >/dev/null; docker pull -q $tool:1 >/dev/null
	# What the registry has now.
	registry_mode='"socketMount": { "verify": "registry", "maxAge": 1 }'
	allow "\"$tool:1\"" "$registry_mode"
	given "verify: registry" $tool:1
	docker tag $tool:1 $tool:old
	allow "\"$tool:old\"" "$registry_mode"
	denied "... a tag that it does not have" $tool $tool:old -v "$sock:/s"
	allow "\"$tool:1\"" "$registry_mode"
	docker tag unrelated localhost$port/team/tool:next
	docker push -q $tool:next >/dev/null; docker rmi $tool:next >/dev/null
	python3 - "$work/reg/docker/registry/v2/repositories/team/tool/_manifests/tags" <<-'END'
		import shutil, sys
		shutil.rmtree(sys.argv[1] + "/1"); shutil.copytree(sys.argv[1] + "/next", sys.argv[1] + "/1")
	END
	sleep 1.1
	denied "... an image that it has replaced" $tool $tool:1 -v "$sock:/s"
	kill $registry; wait $registry 2>/dev/null; sleep 1.1
	denied "... nor if it does not answer" $tool $tool:1 -v "$sock:/s"
	ok "other containers are not concerned" docker run --rm $tool:1 true
	bb=$tool:1
else
	skip tool-docker-registry "images of a registry"
	bb=bb
fi
### Mounts that only newer engines have: a part of a volume
newer() { [ "$(printf '1.45\n%s\n' "$(docker version -f '{{.Server.APIVersion}}')" | sort -V | head -n 1)" = 1.45 ]; }
if newer; then
	part() { docker run --rm --mount "type=volume,src=$1,dst=/m,volume-subpath=$2" "$bb" cat /m/f; }
	mkdir "$work/shared"
	docker run --rm -v whole:/v "$bb" sh -c 'mkdir /v/part; echo part >/v/part/f'
	docker volume create --opt type=none --opt o=bind --opt device=/ host >/dev/null
	for shares in '' '"fileSharing": { "directories": [ "'"$work/shared"'" ] }'; do
		settings '' "$shares"
		is "$(part whole part)" part "a part of a volume${shares:+, where directories are listed}"
		fails 'restricted host mount' "... of one that is the host's root" part host etc
	done
	docker volume rm whole host >/dev/null
	# Since 28.
	fails 'restricted host mount' "eci 9: a mount of an image" docker run --rm --mount "type=image,src=$bb,dst=/m" "$bb" true
fi
[ -z "${SOCKET_IMAGES_ONLY:-}" ] || { engine_dockerd_stop d; done_testing; }
### What it is given
settings "\"imageList\": { \"images\": [ \"*\" ] }, \"commandList\": { \"commands\": [ \"build\", \"push\" ] }"
id=$(docker run -d --name user -v "$sock:/var/run/docker.sock" "$bb" sleep 1000)
inner=/proc/$(pid_of user)/root/var/run/docker.sock
isnt "$(stat -Lc '%d:%i' "$inner")" "$(stat -c '%d:%i' "$sock")" "example: an allowed container has another socket"
is "$(docker exec user stat -c '%F %a %u %g' /var/run/docker.sock)" "$(stat -c '%F %a %u %g' "$sock")" "... with the same mode, owner and group"
like "$(timeout 20 "$engine_docker" -H "unix://$inner" ps --no-trunc)" "$id" "example: through which the engine answers"
is "$(curl -s -m 10 --unix-socket "$inner" -XPOST 'http://localhost/v1.40/images/myimage/push?tag=latest')" \
	'{"message":"enhanced container isolation: docker command \"/v1.40/images/myimage/push?tag=latest\" is blocked; if you wish to allow it, configure the docker socket command list in the Cloister settings or admin-settings."}' "example: a blocked command, by curl"
fails 'Error response from daemon: enhanced container isolation: docker command "/v1\.[0-9]*/images/(localhost'$port'/team/tool|bb)/push\?tag=.*" is blocked' "example: docker push" timeout 20 "$engine_docker" -H "unix://$inner" push "$bb"
inside() { timeout 60 "$engine_docker" -H "unix://$inner" "$@"; }
like "$(inside run --rm "$bb" cat /proc/self/uid_map)" '^ *0 +[1-9]' "what comes through it is contained as well"
fails 'restricted host mount|bind|volume|denied|blocked' "... and mounts nothing restricted" inside run --rm -v /etc:/m "$bb" true
kill -9 "$(pgrep -f -o -- "cloister-sockproxy .*--id=$id")"
fails '*' "a proxy that died takes the socket with it" inside ps
docker rm -f user >/dev/null
proxy_gone() { ! pgrep -f -- "^cloister-sockproxy .*--id=$id" >/dev/null; }
ok "nothing of the proxy is left" eventually 5 proxy_gone
# An image's own list, for its containers alone.
docker create --name cc "$bb" true >/dev/null; docker commit cc second >/dev/null; docker rm cc >/dev/null
id() { docker image inspect -f '{{.Id}}' "$1"; }
settings "\"imageList\": { \"images\": [ { \"image\": \"$(id "$bb")\", \"commandList\": { \"type\": \"allow\", \"commands\": [ \"ps\" ] } }, \"$(id second)\" ] },
	\"commandList\": { \"type\": \"deny\", \"commands\": [ \"ps\" ] }"
codes() { # of ps and of images, in a container of that image
	docker run -d --name lists -v "$sock:/var/run/docker.sock" "$1" sleep 1000 >/dev/null
	curl -s -m 10 --unix-socket "/proc/$(pid_of lists)/root/var/run/docker.sock" -o /dev/null -w '%{http_code} ' http://d/containers/json --next \
		-s -m 10 --unix-socket "/proc/$(pid_of lists)/root/var/run/docker.sock" -o /dev/null -w '%{http_code}' http://d/images/json
	docker rm -f lists >/dev/null
}
is "$(codes "$bb")" "200 403" "an image with a list of commands of its own"
is "$(codes second)" "403 200" "... another has the list of all"
settings '' '"socketMount": { "mode": "audit" }'
ok "mode audit" docker run --rm -v "$sock:/s" "$bb" test -S /s
settings
done_testing
