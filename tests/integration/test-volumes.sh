#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Mounts as a specification asks for them: owners, attributes, submounts, propagation, tmpfs.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3; gate idmap

root=$work/root
make_root "$root"
need_containers --rootfs "$root"
vol=$work/vol
make_volume "$vol"
bundle=$work/bundle
mkdir "$bundle"

# run_with MOUNTS [SCRIPT [LINUX]]: a container of a bundle with these mounts (JSON) runs the script.
runs=0
run_with() {
	runs=$((runs + 1))
	python3 - "$bundle/config.json" "$root" "$1" "${2:-true}" "${3:-{\}}" <<-'PY'
	import json, os, sys
	file, root, mounts, script, linux = sys.argv[1:]
	ns = [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")]
	linux = json.loads(linux)
	linux["namespaces"] = ns + linux.get("namespaces", [])
	base = [{"destination": "/proc", "type": "proc", "source": "proc"},
	        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"] + os.environ.get("DEV_OPTIONS", "").split()}]
	json.dump({"ociVersion": "1.2.0", "root": {"path": root}, "mounts": base + json.loads(mounts), "linux": linux,
	           "process": {"cwd": "/", "args": ["/bin/sh", "-c", script], "user": {"uid": 0, "gid": 0},
	                       "env": ["PATH=/bin:/usr/bin"],
	                       "capabilities": {k: ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN", "CAP_FOWNER"] for k in ("bounding", "effective", "permitted")}}},
	          open(file, "w"))
	PY
	cloister run --bundle "$bundle" "$(cname "v$runs")" </dev/null 2>&1
}
bind() { # SOURCE DESTINATION OPTION…
	python3 -c 'import json,sys; print(json.dumps({"source": sys.argv[1], "destination": sys.argv[2], "type": "bind", "options": sys.argv[3:]}))' "$@"
}
options_of() { awk -v p="$1" '$5 == p { print $6 }'; }

### Owners
is "$(run_with "[$(bind "$vol" /v rbind rw)]" 'stat -c %u:%g /v/of-root /v/of-1000; echo n >/v/new; chown 7:8 /v/new' | tr '\n' ' ')" \
	"0:0 1000:1000 " "owners inside are those on disk"
is "$(stat -c %u:%g "$vol/new")" 7:8 "and the other way round"
is "$(run_with "[$(bind "$vol/of-1000" /file bind)]" 'stat -c %u /file; cat /file' | tr '\n' ' ')" "1000 user " "a file"
is "$(run_with "[$(bind /dev/null /etc/off bind ro), $(bind /dev/zero /dev/random rbind)]" 'echo x >/etc/off; wc -c </etc/off; head -c 3 /dev/random | tr "\0" z' | tr '\n' ' ')" \
	"0 zzz" "a device that each container has: in the place of a file, of another device"
like "$(run_with "[$(bind /dev/fuse /dev/fuse bind)]")" 'is a device, .*--device' "any other device: what to ask for instead"
is "$(DEV_OPTIONS=ro run_with "[$(bind "$vol/of-1000" /dev/deep/file bind ro), $(bind "$vol" /dev/vol bind), {\"destination\": \"/dev/pts\", \"type\": \"devpts\", \"options\": [\"newinstance\"]}]" \
	'cat /dev/deep/file /dev/vol/of-1000; ls /dev/pts; touch /dev/new 2>&1; echo x >/dev/null && echo null' | xargs)" \
	"user user ptmx touch: /dev/new: Read-only file system null" "below a /dev that is read-only (Podman 5: pods, --read-only)"
mkdir -p "$work/buildah-bind-target-0" "$work/native/sub"; echo n >"$work/native/f"; chown -R 100000:100000 "$work/native"
is "$(run_with "[$(bind "$work/native" /v bind)]" 'stat -c %u /v /v/f' | tr '\n' ' ')" "0 0 " "what the container's range owns on disk is used as it is"
is "$(run_with "[$(bind "$work/buildah-bind-target-0" /v shared)]" 'touch /v/x && echo cached')" cached "RUN --mount=type=cache, of which buildah says that it is shared"

### Mappings of the mount's own
own='{"source": "'$vol'", "destination": "/v", "type": "bind", "options": ["bind"],
	"uidMappings": [{"containerID": 0, "hostID": 200000, "size": 65536}],
	"gidMappings": [{"containerID": 0, "hostID": 200000, "size": 65536}]}'
user='{"namespaces": [{"type": "user"}], "uidMappings": [{"containerID": 0, "hostID": 200000, "size": 65536}],
	"gidMappings": [{"containerID": 0, "hostID": 200000, "size": 65536}]}'
is "$(run_with "[$own]" 'stat -c %u:%g /v/of-root /v/of-1000; cut -c 1-40 /proc/self/uid_map | tr -s " "' "$user" | tr '\n' ' ')" \
	"0:0 1000:1000  0 200000 65536 " "kubelet's hostUsers: false: a mapping for each mount, the pod's own"
mkdir "$work/vol2"; touch "$work/vol2/of-1000" "$work/vol2/of-root"; chown 1000:1000 "$work/vol2" "$work/vol2/of-1000"
other=${own//"$vol"/"$work/vol2"}
other=${other//\"containerID\": 0/\"containerID\": 1000}
is "$(run_with "[$other]" 'stat -c %u:%g /v/of-root /v/of-1000; touch /v/by-root' "$user" 2>&1 | head -n 2 | tr '\n' ' ')" \
	"65534:65534 0:0 " "a mapping that shows 1000 as root"
is "$(stat -c %u:%g "$work/vol2/by-root" 2>&1)" 1000:1000 "root inside writes as 1000"
is "$(run_with "[$(bind "$vol" /v bind idmap)]" 'stat -c %u:%g /v/of-1000' "$user")" 1000:1000 "idmap without mappings is by the container's own"

### Attributes
info=$(run_with "[$(bind "$vol" /v rbind ro nosuid noexec nosymfollow noatime)]" 'cat /proc/self/mountinfo; echo x >/v/x; mount -o remount,rw,bind /v; echo y >/v/x')
for o in ro nosuid nodev noexec noatime nosymfollow; do
	like "$(options_of /v <<<"$info")" "(^|,)$o(,|$)" "option $o"
done
is "$(grep -c 'Read-only' <<<"$info") $(test -e "$vol/x"; echo $?)" "2 1" "a read-only volume stays that"
mount -t tmpfs -o nosuid,noexec,ro,size=1m none "$vol/sub"; on_exit umount -q "$vol/sub"
if have idmap-tmpfs; then
	info=$(run_with "[$(bind "$vol/sub" /v bind rw exec)]" 'cat /proc/self/mountinfo')
	like "$(options_of /v <<<"$info")" '^ro,nosuid,nodev' "what the host mounted read-only and nosuid stays so, whatever an engine says by habit"
	unlike "$(options_of /v <<<"$info")" noexec "what was asked to be off is off"
	info=$(run_with "[$(bind "$vol" /v rbind rnoexec rro)]" 'cat /proc/self/mountinfo; touch /v/of-root')
	like "$(options_of /v <<<"$info")" '^ro,nodev,noexec|^ro,.*noexec' "rro and rnoexec: the volume"
	like "$(options_of /v/sub <<<"$info")" '^ro,.*noexec' "and its submount"
	is "$(run_with "[$(bind "$vol" /v bind)]" 'grep -c " /v/sub " /proc/self/mountinfo')" 0 "bind leaves submounts out"
	umount "$vol/sub"; mount -t tmpfs none "$vol/sub"; echo t >"$vol/sub/t"; chown 1000 "$vol/sub/t"
	is "$(run_with "[$(bind "$vol" /v rbind)]" 'stat -c %u /v/sub/t')" 1000 "rbind takes them along, with their owners"
else
	skip idmap-tmpfs "volumes on tmpfs"
fi

# As Docker gives it; before Linux 6.3 it is another tmpfs of the same size.
mkdir "$work/shm"; mount -t tmpfs -o size=2m,mode=1777,nosuid,nodev,noexec shm "$work/shm"; on_exit umount "$work/shm"
is "$(run_with "[$(bind "$work/shm" /dev/shm bind rprivate)]" 'stat -c "%u %a" /dev/shm; df -k /dev/shm | awk "NR == 2 { print \$2 }"; echo x >/dev/shm/x && stat -c %u /dev/shm/x; grep -c "/dev/shm.*nosuid,nodev,noexec.*tmpfs" /proc/self/mountinfo' | tr '\n' ' ')" \
	"0 1777 2048 0 1 " "an engine's /dev/shm"

### What cannot be shifted
umount -q "$vol/sub"
mkdir -p "$vol/deep/er"
mount -t mqueue mqueue "$vol/deep/er"; on_exit umount -q "$vol/deep/er"
fails "\"$vol/deep/er\" cannot be ID-mapped.*bind-recursive" "a submount that cannot be shifted is named, with the cure" \
	run_with "[$(bind "$vol" /v rbind)]"
ok "which works" run_with "[$(bind "$vol" /v bind)]"
fails 'cannot be ID-mapped' "a volume that cannot be shifted" run_with "[$(bind "$vol/deep/er" /v bind)]"
umount "$vol/deep/er"

### Propagation
fails 'cannot be shared with the host.*rslave' "shared propagation is refused with a reason" run_with "[$(bind "$vol" /v rbind rshared)]"
fails 'cannot be shared with the host' "... that of one mount too" run_with "[$(bind "$vol" /v bind shared)]"
mkdir -p "$work/shared/late"; mount --bind "$work/shared" "$work/shared"; on_exit umount -l "$work/shared"
mount --make-shared "$work/shared"
arrives() { # OPTION: does what the host mounts later arrive?
	run_with "[$(bind "$work/shared" /v rbind "$1")]" \
		'touch /v/ready; i=0; while ! [ -e /v/go ] && [ $i -lt 200 ]; do usleep 20000; i=$((i+1)); done; stat -c %u /v/late/of-1000 2>&1
		attack node-unmapped /v/late/made 2>/dev/null' >"$tap_dir/arrives" &
	eventually 60 test -e "$work/shared/ready"
	mount --bind "$vol" "$work/shared/late"
	touch "$work/shared/go"
	wait $!
	umount "$work/shared/late"
	rm -f "$work/shared/go" "$work/shared/ready"
	cat "$tap_dir/arrives"
}
is "$(arrives rslave)" 65534 "rslave: what the host mounts later arrives, as nobody's"
# By a helper of the warden's, for a caller whose ids have no name in its user namespace.
is "$(stat -c %u "$vol/made" 2>&1 | grep -o '^[0-9]*$')" "" "... and the host's root makes nothing there for it"
like "$(arrives rprivate)" 'No such file' "rprivate: it does not"

### tmpfs
mkdir -p "$root/data/d"; echo c >"$root/data/d/f"; chown -R 1000:1000 "$root/data/d"; chmod 1770 "$root/data/d"
ln -s d/f "$root/data/link"; mkfifo "$root/data/fifo"; chmod 750 "$root/data"
tmp='{"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "tmpcopyup", "size=1m"]}'
is "$(run_with "[$tmp]" 'stat -c "%n %u %a" /data /data/d /data/d/f; cat /data/link; ls /data | grep -c fifo; rm -r /data/d; stat -f -c %T /data' | tr '\n' ' ')" \
	"/data 0 750 /data/d 1000 1770 /data/d/f 1000 644 c 0 tmpfs " "tmpcopyup: a tmpfs begins with what is there"
is "$(cat "$root/data/d/f")" c "and the root file system keeps it"
is "$(run_with "[${tmp/\"tmpcopyup\"/\"tmpcopyup\", \"ro\", \"mode=0711\"}]" 'stat -c %a /data; cat /data/d/f; touch /data/x 2>&1' | tr '\n' ' ')" \
	"711 c touch: /data/x: Read-only file system " "read-only, with a mode of its own"
head -c 3000000 /dev/zero >"$root/data/big"
fails 'No space left' "more than fits is an error" run_with "[$tmp]"
rm "$root/data/big"; rm -r "$root/data"; ln -s /etc "$root/data"
is "$(run_with "[$tmp]" 'cat /data/passwd | head -n 1; ls -d /data/')" "$(printf 'root:x:0:0:root:/root:/bin/sh\n/data/')" "a symlink leads within the root"

done_testing
