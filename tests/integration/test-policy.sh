#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The administrator's policy under dockerd: each console example of Docker's pages on Enhanced Container
# Isolation, and each way around a restricted mount that was known of others.
TEST_TIMEOUT=${TEST_TIMEOUT:-900}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-docker; gate tool-busybox; gate tool-python3

# The settings of this suite; read anew for each container. settings [CLOISTER-SECTION [ECI-MEMBERS]]
settings() { printf '{ "enhancedContainerIsolation": { "locked": true, "value": true%s }, "cloister": { %s } }\n' "${2:+, $2}" "${1:-}" >"$work/settings.json"; }
settings
ENGINE_RUNTIME_ARGS="\"--settings\", \"$work/settings.json\""

# Files of the host that this suite may touch lie on top of the host's own.
for dir in /etc/docker /etc/cloister; do
	[ -d $dir ] || { mkdir $dir; on_exit rmdir $dir; }
	mkdir -p "$work$dir"
	mount --bind "$work$dir" $dir; on_exit umount $dir
done
echo '{ "debug": false }' >/etc/docker/daemon.json
mkdir /etc/docker/certs.d; echo cert >/etc/docker/certs.d/ca.crt
engine_docker_ready d ', "live-restore": true'

restricted="OCI runtime create failed: error in the container spec: can't mount"
because="because it's configured as a restricted host mount"
denied() { # DESC SOURCE DOCKER-OPTION…
	local desc=$1 source=$2
	shift 2
	fails "$restricted $source $because" "$desc" docker run --rm "$@" bb sh -c 'cat /m 2>/dev/null; find /m'
}

### The console examples
ask docker run --rm bb <<'END'
map: cat /proc/self/uid_map
uptime: cat /proc/uptime
END
said_like map '^ *0 +[1-9][0-9]+ +65536$' "example: a container has a range of user ids"
below "$(cut -d. -f1 <<<"${said[uptime]}")" 20 "example: /proc/uptime is the container's"
docker run -d --name first bb sleep 100 >/dev/null; docker run -d --name second bb sleep 100 >/dev/null
range() { docker exec "$1" cat /proc/self/uid_map | xargs; }
base=$(range first | cut -d ' ' -f 2)
is "$(range first)" "0 $base 65536" "example: the first container's"
is "$(range second)" "0 $((base + 65536)) 65536" "example: ... and the second's, behind it"
docker rm -f first second >/dev/null
spec="OCI runtime create failed: error in the container spec: invalid or unsupported container spec: cloister containers can't share"
why="with the host \(because they use the linux user-namespace for isolation\)"
fails "$spec namespaces \[pid\] $why" "example: --pid=host" docker run --rm --pid=host bb true
fails "$spec namespaces \[ipc\] $why" "--ipc=host" docker run --rm --ipc=host bb true
fails "$spec namespaces \[uts\] $why" "--uts=host" docker run --rm --uts=host bb true
fails "$spec namespaces \[ipc pid uts\] $why" "... all of them, sorted" docker run --rm --uts=host --pid=host --ipc=host bb true
fails "$spec a network namespace $why" "example: --network=host" docker run --rm --network=host bb true
printf 'FROM bb\nRUN true\n' >"$work/Dockerfile"; mkdir "$work/context"
build() { DOCKER_BUILDKIT=0 DOCKER_CONFIG=$engine_cli "$engine_docker" -H "unix://$engine_socket" build -f "$work/Dockerfile" "$@" "$work/context"; }
ok "docker build" build
fails "cloister containers can't share a network namespace $why" "docker build --network=host" build --no-cache --network=host
like "$(docker run --rm --userns=host bb cat /proc/self/uid_map)" '^ *0 +[1-9][0-9]+ +65536$' "example: --userns=host is ignored"
mkdir -p "$work/home/me"; echo mine >"$work/home/me/file"
is "$(HOME=$work/home/me; docker run --rm -v "$HOME:/mnt" bb cat /mnt/file)" mine "example: -v \$HOME:/mnt"
denied "example: -v /etc/docker/daemon.json" /etc/docker/daemon.json -v /etc/docker/daemon.json:/mnt/daemon.json
ask docker run --rm --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined -v "$work/home/me:/mnt:ro" bb <<'END'
remount: mount -o remount,rw /mnt /mnt; echo x >/mnt/file
own: mkdir /root/tmpfs; mount -t tmpfs tmpfs /root/tmpfs; mount -o remount,ro /root/tmpfs /root/tmpfs; grep ' /root/tmpfs ' /proc/mounts; mount -o remount,rw /root/tmpfs /root/tmpfs; grep ' /root/tmpfs ' /proc/mounts
END
said_like remount '^mount: permission denied \(are you root\?\)' "example: mount -o remount,rw of a read-only volume"
said_like remount 'Read-only' "... which stays so"
tmpfs="relatime,uid=$base,gid=$base"
like "${said[own]}" "^tmpfs /root/tmpfs tmpfs ro,$tmpfs" "example: a tmpfs of its own can be remounted read-only"
like "${said[own]}" "/root/tmpfs tmpfs rw,$tmpfs" "example: ... and back"

### Restricted mounts, whatever leads to them
denied "--mount type=bind" /etc/docker/daemon.json --mount type=bind,src=/etc/docker/daemon.json,dst=/m
denied "read-only is no difference" /etc/docker/daemon.json -v /etc/docker/daemon.json:/m:ro
denied "the directory around it" /etc/docker -v /etc/docker:/m
denied "what is in it" /etc/docker/certs.d/ca.crt -v /etc/docker/certs.d/ca.crt:/m
denied "a parent" "/etc" -v /etc:/m
denied "a directory that the engine makes for the mount" /etc/docker/made -v /etc/docker/made:/m
is "$(ls -A /etc/docker/made)" "" "... in which nothing was written"
like "$(docker run --rm -v /etc:/m bb true 2>&1)" "$because \(it contains /etc/" "... and it is said why"
denied "the host's root" "/" -v /:/m
denied "/var" "/var" -v /var:/m
denied "/run" "/run" -v /run:/m
denied "the same by another name" "/var/run" -v /var/run:/m
denied "/etc/shadow" /etc/shadow -v /etc/shadow:/m
denied "/proc" /proc -v /proc:/m
denied "/proc/sys" /proc/sys/kernel -v /proc/sys/kernel:/m
denied "/sys" /sys -v /sys:/m
denied "/dev" /dev -v /dev:/m
denied "what a systemd unit could be put into" /usr/lib -v /usr/lib:/m
mkdir "$work/d/containers"
ok "Podman's directory beside Docker's, as in /var/lib, changes nothing" docker run --rm -v state-beside:/v bb cat /etc/resolv.conf
docker volume rm state-beside >/dev/null
is "$(docker run --rm -v /usr/share:/m:ro bb sh -c 'test -d /m/doc && echo seen')" seen "what has nothing restricted in it passes"
disk=$(findmnt -nvo SOURCE -T /)
if have root-disk; then denied "a block device" "$disk" -v "$disk:/m"; else skip root-disk "a block device"; fi
denied "the settings" /etc/cloister -v /etc/cloister:/m
denied "Cloister itself" "$top_builddir/src/cloister" -v "$top_builddir/src/cloister:/m"
ln -s /etc/docker/daemon.json "$work/link"; ln -s ../../etc/docker "$work/dirlink"; ln -sfn /etc "$work/up"
denied "a symlink" "$work/link" -v "$work/link:/m"
like "$(docker run --rm -v "$work/link:/m" bb true 2>&1)" "$because \(it is part of /etc/docker\)" "... and it is said why"
denied "a symlink on the way" "$work/up/docker/daemon.json" -v "$work/up/docker/daemon.json:/m"
denied "dots" "/etc/docker/../docker/daemon.json|$restricted /etc/docker/daemon.json" --mount type=bind,src=/etc/docker/../docker/daemon.json,dst=/m
denied "/proc/self/root" "/proc/self/root/etc/docker/daemon.json" -v /proc/self/root/etc/docker/daemon.json:/m
denied "the root of a host process" "/proc/$$/root/etc/docker" -v "/proc/$$/root/etc/docker:/m"
mkdir "$work/alias" "$work/part" "$work/top"
mount --bind /etc "$work/alias"; on_exit umount "$work/alias"
mount --bind /etc/docker/certs.d "$work/part"; on_exit umount "$work/part"
denied "a bind alias" "$work/alias/shadow" -v "$work/alias/shadow:/m"
denied "a bind alias of a parent" "$work/alias" -v "$work/alias:/m"
denied "a bind alias of a part" "$work/part" -v "$work/part:/m"
denied "what lies below such an alias" "$work/part/ca.crt" -v "$work/part/ca.crt:/m"
denied "a directory that such an alias is mounted in" "$work" -v "$work:/m"
if ln /etc/docker/daemon.json "$work/hard" 2>/dev/null || ln "$work/etc/docker/daemon.json" "$work/hard"; then
	denied "a hard link" "$work/hard" -v "$work/hard:/m"
	ln "$work/etc/docker/certs.d/ca.crt" "$work/hard2"
	denied "a hard link to what is in a restricted directory" "$work/hard2" -v "$work/hard2:/m"
fi

# Volumes of the local driver mount whatever they are told, with root's power.
volume() { docker volume rm -f "$1" >/dev/null 2>&1; docker volume create "$1" --opt type="$2" --opt o="$3" --opt device="$4" >/dev/null; }
volume ok none bind "$work/home/me"
is "$(docker run --rm -v ok:/m bb cat /m/file)" mine "a volume with o=bind"
volume vb none bind /etc/docker
denied "a volume with o=bind" '[^ ]*/volumes/vb/_data' -v vb:/m
denied "... by --mount" '[^ ]*/volumes/vb/_data' --mount type=volume,src=vb,dst=/m
denied "... made by --mount's own options" '[^ ]*/volumes/vw/_data' --mount 'type=volume,src=vw,dst=/m,volume-driver=local,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/etc'
volume vp none bind /
denied "a volume of the host's root" '[^ ]*/volumes/vp/_data' -v vp:/m
mkdir "$work/empty"
volume vo overlay "lowerdir=/etc:$work/empty" overlay
denied "a volume of type overlay" '[^ ]*/volumes/vo/_data' -v vo:/m
volume vo2 overlay "lowerdir=$work/home:$work/empty" overlay
is "$(docker run --rm -v vo2:/m bb cat /m/me/file 2>&1 | grep -c restricted)" 0 "... of what is not restricted is no policy matter"
volume vproc proc "" proc
denied "a volume of type proc" '[^ ]*/volumes/vproc/_data' -v vproc:/m
if have root-disk; then
	volume vd "$(findmnt -nvo FSTYPE -T /)" "" "$disk"
	denied "a volume of the host's disk" '[^ ]*/volumes/vd/_data' -v vd:/m
else
	skip root-disk "a volume of the host's disk"
fi
denied "what another container has of the engine's state" '[^ ]*/containers' -v "$work/d/data/containers:/m"
denied "another volume's directory by its path's parent" '[^ ]*/volumes' -v "$work/d/data/volumes:/m"
denied "the layers of images" '[^ ]*/overlay2' -v "$work/d/data/overlay2:/m"
ENGINE_RUNTIME_ARGS='' docker create --name holder -v /etc/docker:/m bb true >/dev/null 2>&1
denied "--volumes-from" /etc/docker --volumes-from holder
docker rm holder >/dev/null
denied "--tmpfs on top" /etc --tmpfs /m/docker -v /etc:/m
docker volume rm -f ok vb vw vp vo vo2 vproc vd >/dev/null 2>&1

# A race: the name leads to a harmless and to a restricted directory in turn. The pauses leave others room
# to resolve names: a try takes a twentieth of the time, and one of four would find the name changed.
mkdir "$work/race"; echo harmless >"$work/race/daemon.json"
ln -s "$work/race" "$work/swap"; ln -s /etc/docker "$work/other"
python3 - "$work/swap" "$work/other" <<'END' &
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
while os.path.lexists(sys.argv[1]):
    libc.renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2)
    time.sleep(0.0001)
END
swapper=$!
seen=''
for _ in {1..3}; do seen+=$(docker run --rm -v "$work/swap:/m" bb cat /m/daemon.json 2>/dev/null); done
for _ in {1..24}; do seen+=$(cloister --settings "$work/settings.json" launch -v "$work/swap:/m" -- cat /m/daemon.json 2>/dev/null); done
like "$seen" harmless "a component that is swapped all the time leads to what is harmless at times"
rm -f "$work/swap"; sleep 0.1; rm -f "$work/swap" "$work/other"; wait $swapper
unlike "$seen" debug "... and never to what is restricted"

### More and fewer by the settings
mkdir "$work/secret"; echo s >"$work/secret/s"
settings "\"restrictedMounts\": { \"paths\": [ \"$work/secret\" ] }"
denied "a path of the settings" "$work/secret/s" -v "$work/secret/s:/m"
settings "\"restrictedMounts\": { \"except\": [ \"/etc/docker/certs.d\" ] }"
is "$(docker run --rm -v /etc/docker/certs.d:/m bb cat /m/ca.crt)" cert "an exception of the settings"
denied "... is no more than that" /etc/docker/daemon.json -v /etc/docker/daemon.json:/m
settings '"restrictedMounts": { "mode": "warn" }'
is "$(docker run --rm -v /etc/docker/certs.d:/m bb cat /m/ca.crt)" cert "mode warn lets it pass"
settings '"restrictedMounts": { "mode": "audit" }'
is "$(docker run --rm -v /etc/docker/certs.d:/m bb cat /m/ca.crt)" cert "mode audit lets it pass"
like "$(command cloister --root "$work/d/exec/runtime-runc/moby" status)" "would be refused: error in the container spec: can't mount /etc/docker/certs.d $because" "... and status says so"
echo '{ "cloister": { "restrictedMounts": { "mode": 7 } } }' >"$work/settings.json"
fails 'settings.json": line 1, column 47: cloister.restrictedMounts.mode: must be a text' "broken settings stop every container, with line and column" docker run --rm bb true
settings; chmod 0666 "$work/settings.json"
fails 'others than root can write it' "... and so do settings that anybody could have written" docker run --rm bb true
chmod 0644 "$work/settings.json"
ok "once they are right it goes on" docker run --rm bb true
echo '{ "enhancedContainerIsolation": { "locked": true } }' >/etc/cloister/admin-settings.json
settings '"restrictedMounts": { "mode": "audit" }'
denied "locked: no other file loosens it" /etc/docker -v /etc/docker:/m
denied "... nor an annotation or the environment" /etc/docker -v /etc/docker:/m -e CLOISTER_SETTINGS="$work/settings.json" --label org.cloister.policy=off
rm /etc/cloister/admin-settings.json
ok "... without it the other one counts" docker run --rm -v /etc/docker:/m bb true
settings '' '"value": false' ; sed -i 's/"value": true, //' "$work/settings.json"
ok "value: false switches it off" docker run --rm -v /etc/docker:/m bb true
settings

### The engine restarts beside a container that is served its directory (mode hide)
settings '"restrictedMounts": { "mode": "hide" }'
# What the engine has and had there is not to be seen; no socket, old or new, leads to anybody.
look='cd /m; ls -d sock data exec/runtime-runc/moby exec/containerd/containerd.sock exec/containerd/daemon 2>/dev/null; ls -d daemon.json exec
	attack connect sock; for s in $(find . -type s 2>/dev/null); do attack connect "$s"; done'
docker run -d --name beside --mount "type=bind,src=$work/d,dst=/m,bind-nonrecursive" bb sleep 1000 >/dev/null
hidden() { is "$(docker exec beside sh -c "$look" 2>&1 | sort -u | grep -vE 'ECONNREFUSED|EACCES')" $'ENOENT\ndaemon.json\nexec' "$1"; }
hidden "hide: an engine's directory without its state and its sockets"
engine_end d
nsenter --net="/proc/${engine_net[d]}/ns/net" dockerd --config-file "$work/d/daemon.json" </dev/null >>"$work/d/log" 2>&1 &
engine_pid[d]=$!
ok "hide: the engine restarts beside a container" eventually 60 engine_dockerd_up d
hidden "hide: ... and its new sockets are as little there"
docker rm -f beside >/dev/null
settings

### File sharing
mkdir -p "$work/share/sub" "$work/unshared"; echo shared >"$work/share/sub/f"; ln -s "$work/unshared" "$work/share/out"
settings "\"fileSharing\": { \"directories\": [ { \"path\": \"$work/share\", \"as\": \"root\" } ] }"
is "$(docker run --rm -v "$work/share/sub:/m" bb cat /m/f)" shared "a shared directory"
fails "can't mount $work/unshared because it's not in a shared directory" "what is not shared" docker run --rm -v "$work/unshared:/m" bb true
fails "not in a shared directory" "a symlink out of what is shared" docker run --rm -v "$work/share/out:/m" bb true
docker volume create mine >/dev/null
ok "volumes of the engine stay allowed" docker run --rm -v mine:/m --tmpfs /t --init bb touch /m/x
volume sv none bind "$work/unshared"
fails "not in a shared directory" "... but not as a way around" docker run --rm -v sv:/m bb true
settings "\"fileSharing\": { \"directories\": [ { \"path\": \"$work/share\", \"readOnly\": true } ] }"
like "$(docker run --rm -v "$work/share:/m" bb sh -c 'cat /m/sub/f; touch /m/x' 2>&1)" 'Read-only' "readOnly: true"
docker volume rm -f mine sv >/dev/null
settings
done_testing
