# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# Private container engines for tests: sourced after tap.sh. Every engine has data, state, sockets and a
# network namespace of its own and uses one runtime, called "cloister" whatever it is:
#
#	ENGINE_RUNTIME          program, by default the one just built; `runc` shows what the suite expects
#	                        of any runtime, and that its isolation tests can fail
#	ENGINE_CGROUP_DRIVER    cgroupfs (default) or systemd
#	ENGINE_RUNTIME_ARGS     what dockerd gives the runtime, as members of a JSON list
#	ENGINE_STORAGE          Docker's storage driver: overlay2 (default) or vfs
#	ENGINE_TREE             where other engines than the system's are unpacked (`machine_tree inside-sid`)
#	ENGINE_STORE            `containerd`: Docker keeps images in containerd, not in a storage driver
#
#   engine_dockerd_start NAME    a dockerd (and its containerd); `docker` talks to the one started last
#   engine_dockerd_stop NAME
#   engine_containerd_start      a containerd alone; `ctr` talks to it
#   engine_containerd_stop
#   engine_podman_setup          `podman` with everything private
#   engine_image_archive FILE NAME  a busybox image as docker-archive, which all three can load
#
# Everything runs in the script's mount namespace: what an engine or the runtime leaves mounted is
# seen by the look at the machine that ends each script.

engine_runtime=${ENGINE_RUNTIME:-$top_builddir/src/cloister}
case $engine_runtime in */*) ;; *) engine_runtime=$(PATH=$PATH:/usr/sbin:/sbin type -P "$engine_runtime") ;; esac
engine_cgroup_driver=${ENGINE_CGROUP_DRIVER:-cgroupfs}
# Other engines need no other library; what else is in their tree does.
if [ -n "${ENGINE_TREE:-}" ]; then
	mkdir "$work/engines"
	for engine_docker in bin/docker sbin/dockerd bin/containerd bin/containerd-shim-runc-v2 bin/ctr; do
		ln -s "$ENGINE_TREE/usr/$engine_docker" "$work/engines/"
	done
	PATH=$work/engines:$PATH
fi
# Debian's, not another one that may be in /usr/local.
engine_docker=$(PATH=$work/engines:/usr/bin:$PATH type -P docker || :)
PATH=$PATH:/usr/sbin:/sbin
declare -A engine_pid=() engine_net=()

# Does the runtime promise isolation? Those tests are run all the same: they have to fail then.
engine_is_cloister() { [ "$(basename "$engine_runtime")" = cloister ]; }

### Places of their own

# What engines keep in /run whatever they are told: shim sockets, names of network namespaces, the
# default state directories of runtimes.
engine_private_run() {
	local dir
	[ -z "${engine_run_done:-}" ] || return 0
	engine_run_done=1
	for dir in containerd docker netns containers libpod runc crun cloister; do
		mkdir -p "/run/$dir"
		mount -t tmpfs -o mode=0711 cloister-tests "/run/$dir" || return 1
		on_exit umount "/run/$dir"
	done
}

# A network namespace held by a process; its name in engine_net. Bridges, routes and packet filters of
# an engine are made there and end with it.
engine_netns() { # NAME
	unshare --net sleep infinity </dev/null >/dev/null 2>&1 &
	engine_net[$1]=$!
	eventually 5 engine_netns_ready "${engine_net[$1]}"
	nsenter --net="/proc/${engine_net[$1]}/ns/net" ip link set lo up
}
engine_netns_ready() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ] && [ "$(cat "/proc/$1/comm")" = sleep ]; }
engine_netns_end() {
	[ -n "${engine_net[$1]:-}" ] || return 0
	kill "${engine_net[$1]}" 2>/dev/null
	wait "${engine_net[$1]}" 2>/dev/null
	unset "engine_net[$1]"
}
in_engine_net() { # NAME COMMAND…
	local name=$1
	shift
	nsenter --net="/proc/${engine_net[$name]}/ns/net" "$@"
}

# TERM, and KILL when that does not help: by pid, waited for. Only what this script started.
engine_end() { # NAME
	local pid=${engine_pid[$1]:-}
	[ -n "$pid" ] || return 0
	kill "$pid" 2>/dev/null
	if ! eventually "${2:-40}" engine_gone "$pid"; then
		diag "$1 ($pid) did not end by itself"
		kill -9 "$pid" 2>/dev/null
	fi
	wait "$pid" 2>/dev/null
	unset "engine_pid[$1]"
}
# What an engine's end left running: a failure, and then killed, so that the machine is as before.
engine_reap() { # NAME
	local pids
	eventually 3 engine_none_left "$1" && return 0
	pids=$(engine_left "$1")
	fail "$1 ends without leaving a process"
	# shellcheck disable=SC2086
	diag "$(ps -o pid=,args= -p "$(tr -s '\n ' ',' <<<"$pids" | sed 's/,$//')" | cut -c 1-200)"
	# shellcheck disable=SC2086
	kill -9 $pids 2>/dev/null
}
engine_left() { # NAME: processes of this script's family that have its directory in their arguments
	ps -e -o pid= -o ppid= -o stat= -o args= | awk -v top="$PPID" -v want="$work/$1/" '
		{ parent[$1] = $2; if ($3 !~ /^[ZX]/ && index($0, want) && $0 !~ /awk -v top/) found[$1] = 1 }
		END { for (p in found) for (q = p; q in parent && q > 1 && n[p]++ < 64; q = parent[q]) if (parent[q] == top) { print p; break } }'
}
engine_none_left() { [ -z "$(engine_left "$1")" ]; }
engine_gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

# The engine's parents of container cgroups are empty when everything is gone: remove them.
engine_cgroups_end() { # NAME
	find /sys/fs/cgroup -depth -type d -path "*/$1*" -exec rmdir {} + 2>/dev/null
	[ -z "$(find /sys/fs/cgroup -type d -path "*/$1*" 2>/dev/null | head -n 1)" ]
}

### Docker

engine_cgroup_parent() { # NAME
	case $engine_cgroup_driver in
	systemd) echo "cloistertest$$.slice" ;;
	*) echo "/cloister-test-$$-$1" ;;
	esac
}

engine_docker_store() {
	case ${ENGINE_STORE:-} in
	containerd) echo '"features": { "containerd-snapshotter": true }' ;;
	*) echo "\"storage-driver\": \"${ENGINE_STORAGE:-overlay2}\"" ;;
	esac
}

# engine_dockerd_start NAME [JSON-MEMBERS]: further members of daemon.json, each with a leading comma.
engine_dockerd_start() {
	local name=$1 dir=$work/$1
	engine_private_run || return 1
	mkdir -p "$dir/data" "$dir/exec" "$dir/cli"
	[ -z "${ENGINE_TREE:-}" ] || ln -sfn "$ENGINE_TREE/usr/libexec/docker/cli-plugins" "$dir/cli/cli-plugins"
	cat >"$dir/daemon.json" <<-END
		{ "data-root": "$dir/data", "exec-root": "$dir/exec", "pidfile": "$dir/pid",
		  "hosts": [ "unix://$dir/sock" ], "group": "root", "userland-proxy": false,
		  $(engine_docker_store), "shutdown-timeout": 10,
		  "exec-opts": [ "native.cgroupdriver=$engine_cgroup_driver" ],
		  "cgroup-parent": "$(engine_cgroup_parent "$name")",
		  "runtimes": { "cloister": { "path": "$engine_runtime", "runtimeArgs": [ ${ENGINE_RUNTIME_ARGS:-} ] } },
		  "default-runtime": "cloister"${2:-} }
	END
	[ -n "${engine_net[$name]:-}" ] || engine_netns "$name"
	engine_socket=$dir/sock engine_cli=$dir/cli
	engine_dockerd_run "$name"
	# It waits 15 s for its containerd, which is short on an emulated machine that is busy.
	if engine_gone "${engine_pid[$name]}" && tail -n 1 "$dir/log" | grep -q 'timeout waiting for containerd'; then
		eventually 10 engine_none_left "$name"
		engine_dockerd_run "$name"
	fi
	if ! engine_dockerd_answers "$name"; then
		diag "dockerd $name: $(tail -n 5 "$dir/log")"
		return 1
	fi
}
engine_dockerd_run() { # NAME: until it answers or has ended
	nsenter --net="/proc/${engine_net[$1]}/ns/net" dockerd --config-file "$work/$1/daemon.json" </dev/null >>"$work/$1/log" 2>&1 &
	engine_pid[$1]=$!
	eventually 60 engine_dockerd_up "$1"
}
engine_dockerd_answers() { [ -S "$work/$1/sock" ] && docker_of "$1" version >/dev/null 2>&1; }
engine_dockerd_up() { engine_gone "${engine_pid[$1]}" || engine_dockerd_answers "$1"; }
docker_of() { # NAME …: the client of that daemon
	local name=$1
	shift
	DOCKER_CONFIG=$work/$name/cli command "$engine_docker" -H "unix://$work/$name/sock" "$@"
}
docker() { DOCKER_CONFIG=$engine_cli command "$engine_docker" -H "unix://$engine_socket" "$@"; }

# engine_docker_ready NAME [JSON-MEMBERS]: a daemon with the image bb, in which a container starts; without
# that the suite has no subject.
engine_docker_ready() {
	local name=$1
	diag "runtime $engine_runtime, cgroup driver $engine_cgroup_driver"
	engine_image_archive "$work/bb.tar" bb
	on_exit engine_dockerd_stop "$name"
	if ! engine_dockerd_start "$@"; then
		fail "dockerd starts"
		done_testing
	fi
	ok "an image is loaded" docker load -i "$work/bb.tar"
	if ! ok "docker run" docker run --rm bb true; then
		diag "$(tail -n 5 "$work/$name/log")"
		done_testing
	fi
}
pid_of() { docker inspect -f '{{.State.Pid}}' "$1"; }
state_is() { [ "$(docker inspect -f '{{.State.Status}}' "$1")" = "$2" ]; }
logs_have() { docker logs "$1" 2>&1 | grep -qE -- "$2"; }

# Ends the daemon, its containerd and everything of it; what is left then is a leak.
engine_dockerd_stop() {
	local name=$1 ids
	ids=$(timeout 20 "$engine_docker" -H "unix://$work/$name/sock" ps -aq 2>/dev/null)
	# shellcheck disable=SC2086
	[ -z "$ids" ] || timeout 60 "$engine_docker" -H "unix://$work/$name/sock" rm -f -v $ids >/dev/null 2>&1
	engine_end "$name"
	engine_reap "$name"
	# dockerd itself keeps this one of --network=host.
	[ ! -e "$work/$name/exec/netns/default" ] || umount "$work/$name/exec/netns/default" 2>/dev/null
	engine_netns_end "$name"
	# systemd keeps the slice that it made for the containers until it is told, and on v1 does not know
	# those in hierarchies that it makes none in.
	[ "$engine_cgroup_driver" != systemd ] || systemctl stop "$(engine_cgroup_parent "$name")" 2>/dev/null
	engine_cgroups_end "$(basename "$(engine_cgroup_parent "$name")")" || diag "cgroups of $name are left"
	# The images are large, and $work is removed only at the end.
	rm -rf --one-file-system "$work/$name/data" 2>/dev/null
}

### containerd alone

engine_containerd_start() {
	local dir=$work/containerd
	engine_private_run || return 1
	mkdir -p "$dir"
	cat >"$dir/config.toml" <<-END
		version = 2
		root = "$dir/root"
		state = "$dir/state"
		disabled_plugins = [ "io.containerd.grpc.v1.cri" ]
		[grpc]
		  address = "$dir/sock"
	END
	containerd --config "$dir/config.toml" </dev/null >>"$dir/log" 2>&1 &
	engine_pid[containerd]=$!
	eventually 30 engine_containerd_up || { diag "containerd: $(tail -n 5 "$dir/log")"; return 1; }
}
engine_containerd_up() { [ -S "$work/containerd/sock" ] && ctr version >/dev/null 2>&1; }
ctr() { command ctr --address "$work/containerd/sock" "$@"; }
# The shim's options that name our program; `ctr run` takes them.
ctr_runtime() { echo "--runtime io.containerd.runc.v2 --runc-binary $engine_runtime"; }
engine_containerd_stop() {
	local id
	for id in $(timeout 10 ctr tasks ls -q 2>/dev/null); do timeout 10 ctr tasks delete -f "$id" >/dev/null 2>&1; done
	engine_end containerd
	engine_reap containerd
	engine_cgroups_end "cloister-test-$$-ctr" || diag "cgroups of containerd are left"
}

### Podman

engine_podman_setup() {
	local dir=$work/podman
	engine_private_run || return 1
	mkdir -p "$dir"
	cat >"$dir/containers.conf" <<-END
		[engine]
		cgroup_manager = "$engine_cgroup_driver"
		events_logger = "file"
		tmp_dir = "$dir/tmp"
		network_cmd_path = ""
		runtime = "cloister"
		[engine.runtimes]
		cloister = [ "$engine_runtime" ]
		[network]
		network_config_dir = "$dir/networks"
		[containers]
		log_driver = "k8s-file"
		default_ulimits = [ "nofile=1024:4096", "nproc=4096:4096" ]
	END
	printf '[storage]\ndriver = "%s"\nrunroot = "%s"\ngraphroot = "%s"\n' \
		"${ENGINE_PODMAN_STORAGE:-overlay}" "$dir/run" "$dir/storage" >"$dir/storage.conf"
	[ -n "${engine_net[podman]:-}" ] || engine_netns podman
}
podman() {
	CONTAINERS_CONF=$work/podman/containers.conf CONTAINERS_STORAGE_CONF=$work/podman/storage.conf \
		nsenter --net="/proc/${engine_net[podman]}/ns/net" podman --storage-driver "${ENGINE_PODMAN_STORAGE:-overlay}" \
		--root "$work/podman/storage" --runroot "$work/podman/run" --tmpdir "$work/podman/tmp" "$@"
}
engine_podman_stop() {
	timeout 60 env CONTAINERS_CONF="$work/podman/containers.conf" CONTAINERS_STORAGE_CONF="$work/podman/storage.conf" \
		nsenter --net="/proc/${engine_net[podman]}/ns/net" podman --root "$work/podman/storage" --runroot "$work/podman/run" \
		--tmpdir "$work/podman/tmp" rm -a -f -t 0 >/dev/null 2>&1
	# Podman keeps its directories mounted on themselves.
	awk -v d="$work/podman/storage/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount 2>/dev/null
	engine_netns_end podman
	engine_cgroups_end "cloister-test-$$-podman" || diag "cgroups of podman are left"
}

### Images

# engine_image_archive FILE NAME: busybox in two layers, with what goes wrong when ids are shifted badly:
# files of several owners, setuid, a file capability, a hard link, a FIFO, a removed file.
engine_image_archive() {
	local file=$1 name=$2 dir=$work/image
	rm -rf --one-file-system "$dir"
	mkdir -p "$dir"
	make_root "$dir/1"
	mkdir -p "$dir/1/owned" "$dir/2/owned" "$dir/1/sticky" "$dir/1/data"
	echo one >"$dir/1/owned/of-1000"; chown 1000:1000 "$dir/1/owned/of-1000"
	echo one >"$dir/1/owned/of-65534"; chown 65534:65534 "$dir/1/owned/of-65534"
	echo gone >"$dir/1/owned/removed"
	echo lower >"$dir/1/owned/changed"
	echo seed >"$dir/1/data/seed"; chown 1000:1000 "$dir/1/data/seed" "$dir/1/data"
	cp "$dir/1/bin/busybox" "$dir/1/bin/suid-id"; chmod 4755 "$dir/1/bin/suid-id"
	cp "$dir/1/bin/busybox" "$dir/1/bin/cap-chown"
	ln "$dir/1/owned/of-1000" "$dir/1/owned/hard"
	mkfifo "$dir/1/owned/fifo"
	chmod 1777 "$dir/1/sticky"
	echo upper >"$dir/2/owned/changed"
	python3 "$tests_lib/image.py" "$file" "$name" "$dir/1" "$dir/2" --remove owned/removed \
		--capability bin/cap-chown --config '{"Cmd":["sh"],"Env":["PATH=/usr/local/bin:/bin:/sbin:/usr/bin","FROM_IMAGE=yes"]}'
}

### Questions

# ask COMMAND… <<'END': each line `KEY: shell command` is run by one `COMMAND… sh -c …`; what each printed
# (standard error too) is in said[KEY] then. One container answers many questions.
declare -A said=()
ask() {
	local line key='' text='' script='' asked
	said=()
	while IFS= read -r line; do
		[ -n "$line" ] || continue
		said[${line%%: *}]='(no answer)'
		script+="printf '\\n@@%s\\n' '${line%%: *}'; { ${line#*: }; } 2>&1;"$'\n'
	done
	asked=$("$@" sh -c "$script" 2>&1 </dev/null)
	said[status]=$?
	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		@@*) [ -z "$key" ] || said[$key]=${text%$'\n'}; key=${line#@@} text= ;;
		'cloister: warning: '*) said[before]+=$line$'\n' ;; # the runtime's, which an engine may print late
		*) [ -z "$key" ] && said[before]+=$line$'\n' || text+=$line$'\n' ;;
		esac
	done <<<"$asked"
	[ -z "$key" ] || said[$key]=${text%$'\n'}
	# Blank lines separate the answers.
	for key in "${!said[@]}"; do said[$key]=${said[$key]%$'\n'}; done
	[ -n "${said[before]:-}" ] && diag "also said: ${said[before]}"
	return 0
}
# said_is KEY WANT DESC, said_like KEY REGEX DESC
said_is() { is "${said[$1]-(never asked)}" "$2" "$3"; }
said_like() { like "${said[$1]-(never asked)}" "$2" "$3"; }
said_unlike() { unlike "${said[$1]-(never asked)}" "$2" "$3"; }

# options_without_row FILE HEADING COMMAND…: options that COMMAND's help has, and the tables below that heading of
# a page in doc/ (up to the next one that is no deeper) have not.
options_without_row() {
	local page=$top_srcdir/doc/$1 heading=$2 option rows
	shift 2
	rows=$(awk -v h="$heading" 'index($0, "#") == 1 { depth = index($0, " "); if (inside && depth <= inside) inside = 0; if ($0 == h) inside = depth }
		inside && /^\| `--/ { sub(/ \| (same|differs|refused|ignored|engine) \|.*/, "") || sub(/.*/, ""); print }' "$page")
	for option in $("$@" --help 2>/dev/null | sed -nE 's/^ +(-., )? *(--[a-z0-9-]+).*/\2/p' | sort -u); do
		[ "$option" = --help ] || grep -qF "\`$option\`" <<<"$rows" || echo "$option"
	done
}

# A file of the container's cgroup, seen from the host. PID CONTROLLER V1-FILE V2-FILE
cgroup_value() {
	local dir
	dir=$(cgroup_dir "$1" "$2")
	if [ -e "$dir/$3" ]; then cat "$dir/$3"; else cat "$dir/$4"; fi 2>&1
}
