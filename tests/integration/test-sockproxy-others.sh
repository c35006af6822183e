#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# cloister-sockproxy and containers that it did not make: those that another runtime runs are out of
# reach, whatever name or moment is chosen; and what the engine does by itself, as the host's root, is
# not to be had either: copying what is mounted, making directories, fetching from addresses.
TEST_TIMEOUT=${TEST_TIMEOUT:-300}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
. "$tests_lib/sockproxy.sh"
gate root; gate launcher; gate engine-docker; gate tool-python3; gate tool-curl
real=$(type -P runc) || { skip tool-runc "everything"; done_testing; }
engine_docker_ready d ', "debug": true' # it says in its log what it is asked
proxy_start p deny:
mkdir "$work/secret" "$work/shared"; echo host-only >"$work/secret/key"; echo shared >"$work/shared/f"
code() { get -o "$work/answer" -w '%{http_code}' "$@"; }
json='Content-Type: application/json'
post() { code -X POST -H "$json" "$@"; }
out='enhanced container isolation: the container .* is not one that Cloister contains \(its runtime is .*runc.*\)'

### A container of another runtime
if ! said=$(docker run -d --name other --runtime runc -v "$work/secret:/secret" bb sleep 1000 2>&1); then
	fail "a container of $real starts"; diag "$said"
	done_testing
fi
other=$said
docker create --name idle --runtime runc -v "$work/secret:/secret" bb sh -c 'touch /secret/started; sleep 1000' >/dev/null
is "$(docker exec other cat /secret/key)" host-only "a container that runc runs has what it was given"
like "$(through exec other cat /secret/key 2>&1)" "$out" "docker exec in it"
like "$(through exec "${other:0:12}" cat /secret/key 2>&1)" "$out" "... by a part of its id"
like "$(through exec --privileged "$other" id 2>&1)" "$out" "... by its id"
# An exec that somebody else has made, and who asks only to start it.
exec=$(curl -s --unix-socket "$work/d/sock" -H "$json" -d '{"AttachStdout":true,"Cmd":["touch","/secret/execed"]}' http://d/containers/other/exec | json 'd["Id"]')
is "$(post -d '{"Detach":true}' "http://d/exec/$exec/start")" 403 "eci 11: an exec that is there already"
like "$(cat "$work/answer")" "$out" "... and it is said why"
is "$(ls "$work/secret")" key "... nothing of it was done"
like "$(through cp other:/secret/key - 2>&1)" "$out" "docker cp from it"
echo evil >"$work/evil"
like "$(through cp "$work/evil" other:/secret/evil 2>&1)" "$out" "docker cp to it"
is "$(ls "$work/secret")" key "... nothing came"
like "$(through cp idle:/secret/key - 2>&1)" "$out" "... nor from one that was never started"
like "$(through start idle 2>&1)" "$out" "docker start"
like "$(through restart other 2>&1)" "$out" "docker restart"
like "$(through attach --no-stdin other 2>&1)" "received 403" "docker attach"
is "$(post http://d/containers/other/attach?stream=1)" 403 "... without an upgrade"
like "$(python3 "$tests_lib/httpraw.py" --websocket "$work/p.sock" /containers/other/attach/ws?stream=1)" "HTTP/1.1 403" "... by a websocket"
like "$(through commit other stolen 2>&1)" "$out" "docker commit"
is "$(post "http://d/commit?container=none&container=other&repo=stolen")" 404 "... the first of two is what counts"
is "$(post "http://d/commit?repo=stolen")" 400 "... of none"
is "$(post "http://d/commit?container=ours&pause=0&repo=stolen")" 400 "... of one that goes on and may put links in the place of its files"
is "$(through images -q stolen)" "" "... was not done"
like "$(through export other 2>&1 >"$work/exported")" "$out" "docker export"
like "$(through diff other 2>&1)" "$out" "docker diff"
like "$(through rename other mine 2>&1)" "$out" "docker rename, after which a name could lead to it"
like "$(through update --memory 64m other 2>&1)" "$out" "docker update"
like "$(through checkpoint create other c 2>&1)" "$out|experimental" "docker checkpoint"
like "$(through run --rm --network container:other bb true 2>&1)" "$out" "a container that would share its network"
like "$(through create --network "container:${other:0:12}" bb true 2>&1)" "$out" "... by a part of its id"
is "$(post -d '{"Image":"bb","HostConfig":{"networkMode":"container:other"}}' http://d/containers/create)" 403 "... in another spelling"
is "$(post 'http://d/build?networkmode=container:other')" 400 "... and a build that would"
# What is said of it can be read: that is the list of commands' affair.
is "$(through inspect -f '{{.HostConfig.Runtime}}' other)" runc "docker inspect says what it is"
ok "docker logs" through logs other
# Beside them, as ever.
ok "a container of Cloister" through run -d --name ours bb sleep 1000
ours=$(docker inspect -f '{{.Id}}' ours)
is "$(through exec ours echo in)" in "... can be entered"
is "$(through exec "${ours:0:12}" echo in)" in "... by a part of its id"
echo hello | through exec -i ours sh -c 'cat >/f'
is "$(through cp ours:/f - | tar xO)" hello "... and copied from"
ok "... and to" through cp "$work/evil" ours:/evil
tar -C "$work" -czf "$work/evil.tgz" evil
is "$(code -T "$work/evil.tgz" -H 'Content-Type: application/x-tar' http://d/containers/ours/archive?path=/tmp)" 403 "eci 17: a compressed archive, which newer engines unpack with the container's programs"
like "$(cat "$work/answer")" 'has to be a plain tar' "... and it is said why"
is "$(through run --name guest --network container:ours bb echo beside)" beside "... its network be shared"
is "$(through inspect -f '{{.HostConfig.NetworkMode}}' guest)" "container:$ours" "... of no other that is called so later"
through rm guest >/dev/null
ok "... restarted" through restart -t 0 ours
ok "... committed" through commit ours mine
ok "... renamed, and called so" through rename ours also
is "$(through exec also cat /evil)" evil "... with its new name"
# What was judged is what the engine is asked for, whatever the name leads to by then.
asked() { grep -cE "(Calling POST |method=POST .*request-url=\"?)/v[0-9.]+/containers/$1/exec" "$work/d/log"; }
isnt "$(asked "$ours")" 0 "the engine is asked for a container by its id"
is "$(asked '(ours|also)')" 0 "... and never by what its client calls it"
like "$(through exec nobody id 2>&1)" 'No such container: nobody' "one that is not there: the engine's own words"
like "$(through create --network container:nobody bb true 2>&1)" 'No such container: nobody' "... whose network to share"
is "$(post -d '{}' http://d/exec/none/start)" 404 "an exec that is not there"

# A name that leads to a contained container and to another in turn: never to the other.
docker rename also a1 && docker rename other b1
(for _ in {1..60}; do
	docker rename a1 x1; docker rename b1 a1; docker rename x1 b1
	docker rename a1 x1; docker rename b1 a1; docker rename x1 b1
done) >/dev/null 2>&1 &
swapper=$!
seen=''
for _ in {1..25}; do seen+=$(through exec a1 cat /secret/key 2>&1); done
kill $swapper; wait $swapper 2>/dev/null
unlike "$seen" host-only "a name that is swapped all the time never leads into the other"
is "$(find "$work/d/exec" -path "*/moby/$other/state.json" | wc -l)" 1 "runc's state, in the directory that the engine gives to both, is left alone"
ok "the other is removed" docker rm -f "$other" idle

### What the engine copies by itself
ok "it is removed" through rm -f "$ours"
mount_refused='has the host.s "[^"]*" mounted, which the engine would read and write'
ok "a container that mounts a directory of the host" through create --name bound -v "$work/shared:/m" bb true
like "$(through cp bound:/m/f - 2>&1)" "$mount_refused" "... is not copied from by the engine"
like "$(through cp "$work/evil" bound:/m/evil 2>&1)" "$mount_refused" "... nor to"
ok "a container that would mount what is restricted can be made" through create --name never -v /etc:/m bb true
like "$(through cp never:/m/shadow - 2>&1)" "$mount_refused" "... but not copied from before anybody has judged it"
like "$(through start never 2>&1)" "restricted host mount" "... and not started"
docker volume create --opt type=none --opt o=bind --opt device="$work/secret" tied >/dev/null
through create --name tie -v tied:/m:nocopy bb true >/dev/null
like "$(through cp tie:/m/key - 2>&1)" "$mount_refused" "a volume that is a directory of the host"
through create --name from --volumes-from bound bb true >/dev/null
like "$(through cp from:/m/f - 2>&1)" "$mount_refused" "--volumes-from"
mkdir "$work/filled"
docker volume create --opt type=none --opt o=bind --opt device="$work/filled" into >/dev/null
filled='volume "into" is a mount of something else, into which the engine would copy'
fails "$filled" "a volume that is a directory of the host is not filled with the image's files" through create -v into:/owned bb true
fails "$filled" "... by --mount" through create --mount type=volume,src=into,dst=/owned bb true
is "$(post -d '{"Image":"bb","HostConfig":{"Mounts":[{"Type":"volume","Source":"x","source":"into","Target":"/owned"}]}}' http://d/containers/create)" 403 "... in another spelling"
ok "... but mounted without that" through create --name into -v into:/owned:nocopy bb true
is "$(ls "$work/filled")" "" "... nothing was copied"
like "$(through run --rm -v new:/owned bb ls /owned)" of-1000 "a volume of the engine's is filled"
through rm -f into >/dev/null; docker volume rm into new >/dev/null
through volume create plain >/dev/null
through run --name plain -v plain:/v --tmpfs /t bb sh -c 'echo v >/v/f'
is "$(through cp plain:/v/f - | tar xO)" v "a volume of the engine's is copied from"
is "$(through run --rm --volumes-from bound bb cat /m/f)" shared "in a container that runs it can be read as ever"
through rm -f bound never tie from plain >/dev/null
through volume rm plain tied >/dev/null

### Directories that are not there
fails 'bind source path does not exist' "-v of a directory that is not there" through run --rm -v "$work/made/by/engine:/m" bb true
nothing_made() { [ ! -e "$work/made" ]; }
ok "... the engine makes none" nothing_made
is "$(post -d "{\"Image\":\"bb\",\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"$work/made\",\"Target\":\"/m\",\"BindOptions\":{\"CreateMountpoint\":true}}]}}" http://d/containers/create)" 400 "... nor if it is asked to"
ok "... nor then" nothing_made
is "$(through run --rm -v "$work/shared:/m:ro" bb sh -c 'cat /m/f; touch /m/x 2>&1')" $'shared\ntouch: /m/x: Read-only file system' "-v, read-only"
is "$(through run --rm -v "$work/shared:/m" -v named:/n bb sh -c 'touch /m/made /n/x; ls /m')" $'f\nmade' "-v, and a volume beside it"
through volume rm named >/dev/null

### Addresses
is "$(post 'http://d/build?remote=http%3A%2F%2F127.0.0.1%2Fx')" 400 "a build of what the engine would fetch"
is "$(post 'http://d/images/create?fromSrc=http%3A%2F%2F127.0.0.1%2Fx')" 400 "an import of it"
is "$(tar -C "$work/shared" -c . | through import - imported >/dev/null; through images -q imported | wc -l)" 1 "docker import of what is sent"
engine_dockerd_stop d
done_testing
