#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# cloister-sockproxy before a real dockerd: real clients work through it, what the list blocks and what
# would get round it does not. "eci N" are the bypasses of others.
TEST_TIMEOUT=${TEST_TIMEOUT:-300}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
. "$tests_lib/sockproxy.sh"
gate root; gate launcher; gate engine-docker; gate tool-python3; gate tool-curl
# BuildKit asks for no runtime: it runs what these name, and so does `cloister docker-setup --enforce`.
mkdir "$work/enforce"
ln -s "$engine_runtime" "$work/enforce/runc"
path=$PATH
export DOCKER_BUILDKIT_RUNC_COMMAND=$work/enforce/runc PATH=$work/enforce:$PATH
engine_docker_ready d
export PATH=$path
proxy_start p deny:push,commit
up() { [ "$(get http://d/_ping)" = OK ]; }
raw() { python3 "$tests_lib/httpraw.py" "$work/p.sock" "$@"; } # until the end, or that

### Two processes without rights
parent=${proxies[0]}
child=$(pgrep -P "$parent")
is "$(grep -h '^Uid\|^CapEff\|^CapBnd\|^Seccomp:\|^NoNewPrivs' "/proc/$child/status" | tr -s '\t\n' ' ')" \
	"Uid: 4294967293 4294967293 4294967293 4294967293 CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 " "the parser is a user that there is not, with a filter"
is "$(grep -h '^CapEff\|^CapBnd\|^Seccomp:\|^NoNewPrivs' "/proc/$parent/status" | tr -s '\t\n' ' ')" \
	"CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 " "the forwarder has no capability, and a filter"
isnt "$(readlink "/proc/$child/root")" / "the parser sees no file system"
is "$(find "/proc/$child/fd" -lname '/*' ! -lname '/dev/null' ! -lname "$work/*" | wc -l)" 0 "... and has no file open"

### Clients
is "$(get http://d/_ping)" OK "curl"
like "$(through version)" 'Server:' "docker version"
said=$(echo data | through run --rm -i bb sh -c 'cat /proc/self/uid_map - && exit 7'); status=$?
like "$said" '^ *0 +[1-9]' "docker run, contained"
like "$said" '^data$' "run -i: both ways, and the end of the input"
is $status 7 "its exit status"
is "$(through run --rm --runtime runc bb cat /proc/self/uid_map | awk '{ print $2 != 0 }')" 1 "isolation: whatever runtime is asked for"
# Not only what it does: this engine's runc is Cloister as well, for BuildKit.
through create --name rt --runtime runc bb true >/dev/null
is "$(through inspect -f '{{.HostConfig.Runtime}}' rt)" cloister "... is replaced"
through rm rt >/dev/null
through run -d --name xx bb sh -c 'echo one; trap "exit 0" TERM; while :; do sleep 0.1; done' >/dev/null
is "$(through exec xx echo hi)" hi "exec"
is "$(echo in | through exec -i xx cat)" in "exec -i"
is "$(through exec xx sh -c 'echo err >&2; exit 3' 2>&1; echo $?)" "err
3" "exec's streams and status"
is "$(through logs xx)" one "logs"
is "$(through inspect -f '{{.HostConfig.Runtime}}' xx)" "$(docker info -f '{{range $n, $r := .Runtimes}}{{if eq $n "cloister"}}cloister{{end}}{{end}}')" "the runtime in inspect"
echo file >"$work/f"
ok "cp in" through cp "$work/f" xx:/f
is "$(through exec xx cat /f)" file "... arrives"
is "$(through cp xx:/f - | tar xO)" file "cp out"
head -c 3000000 /dev/urandom >"$work/big"
ok "cp in of 3 MB" through cp "$work/big" xx:/big
is "$(through exec xx sha256sum /big | cut -d ' ' -f 1)" "$(sha256sum <"$work/big" | cut -d ' ' -f 1)" "... whole"
is "$(through exec xx cat /big | sha256sum)" "$(sha256sum <"$work/big")" "3 MB out of exec"
is "$(through exec -i xx sh -c 'cat | sha256sum' <"$work/big" | cut -d ' ' -f 1)" "$(sha256sum <"$work/big" | cut -d ' ' -f 1)" "3 MB into exec"
printf 'FROM bb\nCOPY big /\nRUN sha256sum /big >/sum; cat /proc/self/uid_map >/map\n' >"$work/Dockerfile"
mkdir "$work/ctx"; cp "$work/Dockerfile" "$work/big" "$work/ctx/"
ok "a classic build" env DOCKER_BUILDKIT=0 timeout 60 "$engine_docker" -H "unix://$work/p.sock" build -q --network none -t built "$work/ctx"
like "$(through run --rm built cat /map)" '^ *0 +[1-9]' "isolation: contained as well"
cat >"$work/Dockerfile" <<'END'
FROM bb AS other
RUN echo other >/f
FROM bb
RUN cat /proc/self/uid_map >/map
RUN --mount=type=bind,from=bb,source=/bin,target=/b --mount=type=bind,from=other,target=/o,rw cat /o/f >/all; touch /o/g; test -e /b/busybox
RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t touch /t/f && echo cache >/c/f && cat /c/f >>/all
RUN --mount=type=secret,id=s,target=/s cat /s >>/all
RUN --mount=type=ssh test -S "$SSH_AUTH_SOCK" && echo agent >>/all
END
buildkit() { DOCKER_CONFIG=$engine_cli DOCKER_BUILDKIT=1 timeout 60 "$engine_docker" -H "unix://$work/p.sock" build --no-cache "$@" - <"$work/Dockerfile"; }
echo secret >"$work/s"
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$work/agent"
ok "a build by BuildKit, with all that a step may mount" buildkit -q -t kit --secret "id=s,src=$work/s" --ssh "default=$work/agent"
is "$(through run --rm kit cat /all)" $'other\ncache\nsecret\nagent' "... each was there"
like "$(through run --rm kit cat /map)" '^ *0 +[1-9]' "isolation: contained as well"
ok "save and load" sh -c "'$engine_docker' -H 'unix://$work/p.sock' save bb | '$engine_docker' -H 'unix://$work/p.sock' load"
timeout 20 "$engine_docker" -H "unix://$work/p.sock" events --since "$(date +%s)" --filter container=xx </dev/null >"$work/events" & events=$!
through pause xx >/dev/null; through unpause xx >/dev/null
ok "events" eventually 10 grep -q unpause "$work/events"
kill $events 2>/dev/null; wait $events 2>/dev/null
(through wait xx >"$work/waited") & waiter=$!
through stop xx >/dev/null
wait $waiter
is "$(cat "$work/waited")" 0 "wait and stop"
ok "rm" through rm xx
is "$(get -X POST -H 'Connection: close' -H 'Content-Type: application/json' -d '{}' http://d/networks/prune -o /dev/null -w '%{http_code}')" 200 "a client that wants no second request"
like "$(printf 'GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n' | python3 "$tests_lib/httpraw.py" --plain "$work/p.sock")" '<end>' "... gets the end"
# Hours of silence: neither process has a clock that could end it.
mkfifo "$work/fifo"
(through run --rm -i --name still bb cat <"$work/fifo" >"$work/still") & still=$!
exec 9>"$work/fifo"
echo one >&9
ok "a hijacked connection" eventually 20 grep -q one "$work/still"
(timeout 30 "$engine_docker" -H "unix://$work/p.sock" logs -f still 9>&- >"$work/follow") & follower=$!
ok "... and logs -f beside it" eventually 20 grep -q one "$work/follow"
wakes() { grep -h ctxt_switches "/proc/$parent/status" "/proc/$child/status" | tr -cd '0-9\n' | tr '\n' ' '; }
before=$(wakes); sleep 1
is "$(wakes)" "$before" "eci 15: nobody wakes while nothing is said"
echo two >&9; exec 9>&-
wait $still
is "$(cat "$work/still")" $'one\ntwo' "... and then it goes on, to the end of the input"
wait $follower
is "$(cat "$work/follow")" $'one\ntwo' "... and the other to its end"
through run -d --name ws -i bb sh -c 'read x; echo "got $x"; sleep 100' >/dev/null
like "$(python3 "$tests_lib/httpraw.py" --websocket "$work/p.sock" /containers/ws/attach/ws?stream=1\&stdin=1\&stdout=1)" 'got ws' "attach by a websocket"
through rm -f ws >/dev/null
if have tool-docker-compose; then
	printf 'version: "2"\nservices:\n  one:\n    image: bb\n    network_mode: none\n    command: ["sh", "-c", "echo composed; cat /proc/self/uid_map"]\n' >"$work/compose.yml"
	like "$( (cd "$work" && DOCKER_HOST=unix://$work/p.sock timeout 60 docker-compose --no-ansi -p sp -f compose.yml up 2>&1; DOCKER_HOST=unix://$work/p.sock timeout 60 docker-compose -p sp -f compose.yml down 2>&1) | tr '\n' ' ')" 'composed.*Removing sp_one' "compose up and down"
else
	skip tool-docker-compose "compose up and down"
fi
# Compose 2 asks otherwise than 1: builds are BuildKit's, and inline configs are copied in before the start.
if [ -n "${ENGINE_TREE:-}" ] && through compose version >/dev/null 2>&1; then
	mkdir "$work/compose"
	cat >"$work/compose/compose.yaml" <<'END'
services:
  web: { image: bb, command: [ sh, -c, "echo served; sleep 1000" ], healthcheck: { test: [ CMD, "true" ], interval: 1s },
         configs: [ { source: c, target: /c } ], stop_grace_period: 1s }
  app: { build: { context: ., dockerfile_inline: "FROM bb\nRUN cat /proc/self/uid_map >/map\n" }, command: [ cat, /map ],
         depends_on: { web: { condition: service_healthy } } }
configs: { c: { content: inline } }
END
	compose() { (cd "$work/compose" && through compose --progress plain -p two "$@" 2>&1 </dev/null); }
	ok "compose 2: build, health check and up" compose up -d
	like "$(compose logs --no-color app)" 'app-1 .* 0 +[1-9]' "... logs: what was built was built contained"
	is "$(compose exec -T web cat /c)" inline "... exec, and an inline config"
	compose cp web:/c ./copy >/dev/null
	is "$(cat "$work/compose/copy")" inline "... cp"
	like "$(compose run --rm -T --no-deps app echo ran)" ran "... run"
	like "$(compose down)" 'two_default  Removed' "... down"
elif [ -n "${ENGINE_TREE:-}" ]; then
	skip tool-docker-compose-2 "compose 2: it is not among the engine's programs"
fi
if have python-docker; then
	like "$(timeout 60 /usr/bin/python3 -c 'import docker, sys; c = docker.DockerClient(base_url="unix://" + sys.argv[1]); print(c.containers.run("bb", "echo sdk", remove=True))' "$work/p.sock" 2>&1)" sdk "the Python SDK"
else
	skip python-docker "the Python SDK"
fi
[ -z "${SOCKPROXY_CLIENTS_ONLY:-}" ] || { engine_dockerd_stop d; done_testing; }
# Many on one connection, one after another.
# shellcheck disable=SC2046
is "$(get $(for _ in {1..50}; do echo http://d/_ping; done) | grep -o OK | wc -l)" 50 "50 requests on a connection"
is "$(python3 "$tests_lib/httpraw.py" --repeat "$work/p.sock")" "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200 200 403" \
	"the same again and again, whole and in pieces, and then another"
is "$(python3 "$tests_lib/httpraw.py" --slow "$work/p.sock" /images/bb/get)" "the same True" "... with long answers to a client that does not read at once"
for i in {1..60}; do get http://d/containers/json -o "$work/json.$i" & waits[i]=$!; done
for i in {1..60}; do wait "${waits[i]}"; done
is "$(cat "$work"/json.* | grep -o '\[\]' | wc -l)" 60 "60 clients at once"
pss() { cat "/proc/$parent/smaps_rollup" "/proc/$child/smaps_rollup" | awk '/^Pss:/ { n += $2 } END { print n }'; }
diag "both processes have $(pss) KiB (PSS)"
ok "2 MiB for both processes, after all that" test "$(pss)" -lt 2048

### The list
like "$(through push foo/bar 2>&1)" 'docker command "/v1.[0-9]+/images/(docker.io/)?foo/bar/push\?tag=latest" is blocked; if you wish to allow it, configure the docker socket command list in the Cloister settings or admin-settings\.' "docker push is blocked"
is "$(get -o /dev/null -w '%{http_code}' -X POST http://d/v1.43/images/myimage/push?tag=latest)" 403 "... with status 403"
is "$(get -X POST 'http://d/v1.43/images/myimage/push?tag=latest')" '{"message":"enhanced container isolation: docker command \"/v1.43/images/myimage/push?tag=latest\" is blocked; if you wish to allow it, configure the docker socket command list in the Cloister settings or admin-settings."}' "... in these words"
is "$(get -o /dev/null -w '%{http_code}' -X POST http://d/images/myimage/push)" 403 "eci 4: without a version too"
is "$(get -o /dev/null -w '%{http_code}' -X POST 'http://d/images%2Fmyimage%2Fpush')" 403 "with %2F too"
is "$(get -o /dev/null -w '%{http_code}' -X POST http://d/images/create/push)" 403 "of an image called create"
is "$(get -o /dev/null -w '%{http_code}' -X POST 'http://d/commit?container=x')" 403 "commit"
is "$(get -o /dev/null -w '%{http_code}' -X POST http://d/plugins/pull?remote=x)" 403 "what no list knows"
is "$(get -o /dev/null -w '%{http_code}' http://d/debug/vars)" 403 "debug"
is "$(get -o /dev/null -w '%{http_code}' -X POST http://d/swarm/init)" 403 "swarm init"
is "$(get -o /dev/null -w '%{http_code}' -X POST http://d/services/create)" 403 "eci 12: containers by way of a service"
is "$(get -o /dev/null -w '%{http_code}' -X POST 'http://d/images/create?fromImage=x&fromSrc=-')" 400 "pull and import in one, of which the engine has its own mind"
is "$(get -o /dev/null -w '%{http_code}' -X DELETE 'http://d/containers/a/checkpoints/b?dir=/etc')" 400 "a checkpoint's directory on the host"
is "$(get -o /dev/null -w '%{http_code}' -X POST 'http://d/containers/a/start?checkpoint=b&checkpoint-dir=/etc')" 400 "... to start from"
is "$(get -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' -d '{"CheckpointID":"a","CheckpointDir":"/etc"}' http://d/containers/a/checkpoints)" 403 "... to write to"
proxy_start n deny:load; via=n
tar -C "$work" -cf "$work/big.tar" big big big big big
like "$(through load -i "$work/big.tar" 2>&1)" 'is blocked' "who sends much hears why it was blocked, too"
via=''
proxy_start a allow:ps,images; via=a
is "$(through ps -q)" "" "an allow list allows"
for query in all=2 all=yes 'all=0&all=1'; do
	is "$(get -o /dev/null -w '%{http_code}' "http://d/containers/json?$query")" 200 "eci 10: ... whatever is true: $query"
done
for query in follow=yes follow=2 'follow=0&follow=1'; do
	is "$(get -o /dev/null -w '%{http_code}' "http://d/containers/a/logs?stdout=1&$query")" 403 "eci 10: ... nor does $query open anything"
done
like "$(through run --rm bb true 2>&1)" 'is blocked' "... and blocks what is not in it"
for path in containers/a/archive?path=/ containers/a/export containers/a/logs containers/a/attach/ws images/get images/a/json images/json/get containers/json/archive?path=/; do
	is "$(get -o /dev/null -w '%{http_code}' "http://d/$path")" 403 "eci 5: ... whatever begins with the same words: $path"
done
is "$(get -o /dev/null -w '%{http_code}' -T "$work/f" http://d/containers/a/archive?path=/)" 403 "eci 17: ... and what writes files"
proxy_start b 'deny:container*'; via=b
like "$(through ps 2>&1)" 'is blocked' "container* is a group"
ok "... and not another" through images
via=''

### What gets round others
# asks WANT DESC BYTES: on a connection of its own; answers: all of them at once, and what they heard.
wants=() descs=() sends=()
asks() { wants+=("$1") descs+=("$2") sends+=("$3"); }
answers() {
	local i=0 line
	while IFS= read -r line; do
		like "$line" "${wants[i]}" "${descs[i]}"
		i=$((i + 1))
	done < <(printf '%s\n' "${sends[@]}" | python3 "$tests_lib/httpraw.py" --table "$work/p.sock")
	is $i ${#sends[@]} "... these were all"
	wants=() descs=() sends=()
}
h='Host: d\r\n'
asks "^200 \$" "a raw request" "GET /_ping HTTP/1.1\r\n$h\r\n"
asks "^200 200 \$" "two in one piece" "GET /_ping HTTP/1.1\r\n${h}\r\nGET /_ping HTTP/1.1\r\n${h}\r\n"
asks "^200 403 \$" "eci 14: the second is judged as well" "GET /_ping HTTP/1.1\r\n${h}\r\nPOST /commit HTTP/1.1\r\n${h}\r\n"
# Each of these is one that is answered when what is wrong with it is forgiven: _ping takes "{}".
asks "^200 \$" "... a body in chunks" "GET /_ping HTTP/1.1\r\n${h}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
asks "^400 \$" "eci 14: length and chunks" "GET /_ping HTTP/1.1\r\n${h}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
asks "^400 \$" "two lengths" "GET /_ping HTTP/1.1\r\n${h}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
asks "^400 \$" "bare LF" "GET /_ping HTTP/1.1\n${h}\n\n"
asks "^400 \$" "... of one line" "GET /_ping HTTP/1.1\n${h}\r\n"
asks "^400 \$" "a folded header" "GET /_ping HTTP/1.1\r\nHost: d\r\nA: b\r\n c\r\n\r\n"
asks "^400 \$" "... that looks like another" "GET /_ping HTTP/1.1\r\nHost: d\r\nA: b\r\n c: d\r\n\r\n"
asks "^400 \$" "white space before the colon" "GET /_ping HTTP/1.1\r\nHost: d\r\nA : b\r\n\r\n"
asks "^400 \$" "a NUL in a header's name" "GET /_ping HTTP/1.1\r\n${h}A\0: b\r\n\r\n"
asks "^400 \$" "absolute form" "GET http://d/_ping HTTP/1.1\r\n${h}\r\n"
asks "^400 \$" "HTTP/1.0" "GET /_ping HTTP/1.0\r\n${h}\r\n"
asks "^400 \$" "two spaces" "GET  /_ping HTTP/1.1\r\n${h}\r\n"
asks "^400 \$" "no host" "GET /_ping HTTP/1.1\r\n\r\n"
asks "^400 \$" "chunk extensions" "GET /_ping HTTP/1.1\r\n${h}Transfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\n\r\n"
asks "^400 \$" "another coding" "GET /_ping HTTP/1.1\r\n${h}Transfer-Encoding: xchunked\r\n\r\n"
asks "^400 \$" "eci 8: HTTP/2 with prior knowledge" 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
asks "^400 \$" "eci 8: h2c where nobody speaks it" "GET /_ping HTTP/1.1\r\n${h}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
asks "^400 \$" "grpc without it" "POST /grpc HTTP/1.1\r\n${h}\r\n"
# What follows a request that may end HTTP is no request: the engine must not see it unless it has. It is
# asked for something that it knows, and refuses.
through run -d --name victim bb sleep 1000 >/dev/null
exec=$(curl -s --unix-socket "$work/d/sock" -H 'Content-Type: application/json' -d '{"AttachStdout":true,"Cmd":["true"]}' http://d/containers/victim/exec | json 'd["Id"]')
start="Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"Detach\":7}POST /commit?container=victim&repo=smuggled HTTP/1.1\r\n${h}\r\n"
asks "^400 \$" "a request behind one that could have ended HTTP" "POST /exec/$exec/start HTTP/1.1\r\n${h}Connection: Upgrade\r\nUpgrade: tcp\r\n$start"
asks "^400 \$" "... without an upgrade" "POST /exec/$exec/start HTTP/1.1\r\n$h$start"
answers
is "$(through images -q smuggled)" "" "... has not been done"
like "$(raw UPGRADED <<<"POST /containers/victim/attach?stream=1&stdout=1&stdin=1 HTTP/1.1\r\n${h}Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly")" 'UPGRADED' "what is sent early where HTTP ends"
through rm -f victim >/dev/null
# More than fits what the two say to each other, or grows when it is written anew.
asks "^431 \$" "a query that grows" "GET /containers/json?filters=$(head -c 4000 /dev/zero | tr '\0' '+') HTTP/1.1\r\n$h\r\n"
asks "^431 \$" "a head that is as long as may be" "POST /containers/create HTTP/1.1\r\n${h}Content-Type: application/json\r\nContent-Length: 2\r\nUser-Agent: $(head -c 32620 /dev/zero | tr '\0' a)\r\n\r\n{}"
answers
ok "... harm nobody" up
for path in //_ping /./_ping /x/../_ping /_ping/ /v1.40//_ping '/%2e%2e/_ping' '/images%252Fx/push' '/containers/a%00b/json' '/containers/a%0ab/json' '/containers/%zz/json' '/containers/a b/json'; do
	asks '^(400|403) $' "path $path" "GET ${path//%/%} HTTP/1.1\r\n$h\r\n"
done
answers
is "$(get -o /dev/null -w '%{http_code}' -d 'networkmode=none' http://d/build)" 400 "a form's body, which the engine would merge into the query"
is "$(get -o /dev/null -w '%{http_code}' -F 'a=b' http://d/build)" 400 "a multipart body"
create() { get -o "$work/answer" -w '%{http_code}' -H 'Content-Type: application/json' -d "$1" http://d/containers/create; }
is "$(create '{"Image":"bb","HostConfig":{"Runtime":"runc"},"hostConfig":{"Runtime":"runc"}}')" 403 "eci 6: a name in another case"
is "$(create '{"Image":"bb","HostConfig":{},"HostConfig":{"Runtime":"runc"}}')" 400 "eci 6: a name twice"
is "$(create '{"Image":"bb","Ho\u017ftConfig":{"Runtime":"runc"}}')" 403 "eci 6: a letter that folds"
is "$(create '{"Image":"bb","HostConfig":{"LogConfig":{"Type":"fluentd","Config":{"fluentd-address":"unix:///run/x"}}}}')" 403 "a log driver that connects from outside"
is "$(create '{"Image":"bb","VolumeDriver":"evil"}')" 403 "a volume driver beside HostConfig, which the engine takes as well"
is "$(create '{"Image":"bb","HostConfig":{"LogConfig":{"Type":"","Config":{"syslog-address":"unix:///x"}}}}')" 403 "options for the engine's own log driver"
is "$(create '{"Image":"bb","HostConfig":{"Mounts":[{"Type":"volume","Target":"/x","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"type":"none","o":"bind","device":"/etc"}}}}]}}')" 403 "eci 2: a volume with options in a mount"
like "$(through volume create --opt type=none --opt o=bind --opt device=/etc v1 2>&1)" 'not allowed' "eci 2: a volume with options"
like "$(through volume create --opt type=overlay --opt o=lowerdir=/etc:/x --opt device=overlay v1 2>&1)" 'not allowed' "... an overlay"
like "$(through volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=1m,bind v1 2>&1)" 'not allowed' "... a tmpfs that is none"
ok "a tmpfs volume" through volume create --opt type=tmpfs --opt device=tmpfs v2
through volume rm v2 >/dev/null
python3 -c 'print("{\"Image\":\"bb\",\"x\":\"" + "a" * 400000 + "\"}")' >"$work/long"
is "$(create "@$work/long")" 413 "eci 7: a long body is refused, not cut"
is "$(get -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' -H 'Transfer-Encoding: chunked' --data-binary "@$work/long" http://d/containers/create)" 413 "... in chunks, too"
like "$(through run --rm --pid=host bb true 2>&1)" "can't share namespaces" "isolation: the host's namespaces are refused as ever"
asks "^431 \$" "a long path" "GET /$(head -c 9000 /dev/zero | tr '\0' a) HTTP/1.1\r\n$h\r\n"
asks "^400 \$" "too many headers" "GET /_ping HTTP/1.1\r\n$h$(for i in {1..80}; do printf 'A%s: b\\r\\n' "$i"; done)\r\n"

answers

### It goes on
# Numbers of clients are used again, but not of those that are still there.
ok "clients beside one that stays" python3 "$tests_lib/httpraw.py" --many "$work/p.sock" 1100
coproc python3 "$tests_lib/httpraw.py" --kept "$work/p.sock"
read -r -t 10 -u "${COPROC[0]}" one; read -r -t 10 -u "${COPROC[0]}" two
is "$one $two" "200 200" "a client that asks the same again"
engine_end d
like "$(get http://d/_ping)" 'does not answer' "the engine is down"
env -u DOCKER_BUILDKIT_RUNC_COMMAND nsenter --net="/proc/${engine_net[d]}/ns/net" dockerd --config-file "$work/d/daemon.json" </dev/null >>"$work/d/log" 2>&1 &
engine_pid[d]=$!
ok "... and up again, on a new socket" eventually 60 up
echo >&"${COPROC[1]}"
read -r -t 10 -u "${COPROC[0]}" one
is "$one" 200 "... who asks again, of the new one"
kill "$COPROC_PID" && wait "$COPROC_PID" 2>/dev/null
like "$(get -X POST -H 'Connection: Upgrade' -H 'Upgrade: h2c' http://d/grpc)" 'BuildKit through this socket' "isolation: BuildKit's steps where they are not Cloister's"
# buildx would then rather have a BuildKit of its own, in a container.
fails 'BuildKit through this socket|booting buildkit' "... docker build" buildkit
is "$(get -o /dev/null -w '%{http_code}' -X POST 'http://d/build?version=2')" 403 "... asked for directly"
proxy_start k deny:; via=k
is "$(get -o /dev/null -w '%{http_code}' -X POST 'http://d/build?version=2')" 403 "... of a proxy that knows only this engine"
is "$(get -o "$work/answer" -w '%{http_code}' -H 'Content-Type: application/x-tar' --data-binary "@$work/big.tar" 'http://d/plugins/create?name=x')" 403 "eci 9: a plugin is uploaded, where no command is denied"
like "$(cat "$work/answer")" 'plugins/create.* is blocked' "... and it is said why"
via=''
ok "a client that sends nothing" sh -c "python3 -c 'import socket,sys,time; s=[socket.socket(socket.AF_UNIX) for i in range(600)]; [x.connect(sys.argv[1]) for x in s[:500]]; time.sleep(0.2)' '$work/p.sock'"
ok "... and 500 of them" up
kill -9 "$child"
ok "without its parser the forwarder ends" eventually 5 test ! -e "/proc/$parent"
engine_dockerd_stop d
done_testing
