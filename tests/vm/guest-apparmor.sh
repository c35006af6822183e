#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# AppArmor for real: engines' default profile becomes ours, others are honoured, unknown ones refused.
# Before the suite counts what it leaves behind.
mountpoint -q /sys/kernel/security || mount -t securityfs securityfs /sys/kernel/security
. "${top_srcdir:?: run it by run-kernel.sh}/tests/lib/tap.sh" || exit 99

like "$(cat /sys/module/apparmor/parameters/enabled)" Y "the kernel has AppArmor on"
profiles=/sys/kernel/security/apparmor/profiles
unlike "$(cat $profiles)" cloister-default "our profile is not loaded at first"

root=$work/state
bundle=$work/bundle
mkdir -p "$bundle/rootfs"/{bin,proc,sys,dev,tmp,mnt}
cp "$(type -P busybox)" "$bundle/rootfs/bin/busybox"
for name in sh cat mount umount echo sleep true; do ln -s busybox "$bundle/rootfs/bin/$name"; done

# config PROFILE COMMAND: "-": none
config() {
	python3 - "$bundle/config.json" "$@" <<'END'
import json, sys
path, profile, command = sys.argv[1:4]
caps = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_MKNOD", "CAP_SETUID", "CAP_SETGID"]
spec = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "hostname": "a",
        "process": {"args": ["/bin/sh", "-c", command], "cwd": "/", "user": {"uid": 0, "gid": 0},
                    "env": ["PATH=/bin"],
                    "capabilities": {k: caps for k in ("bounding", "effective", "permitted")}},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}],
        "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "network", "user")],
                  "uidMappings": [{"containerID": 0, "hostID": 1000000, "size": 65536}],
                  "gidMappings": [{"containerID": 0, "hostID": 1000000, "size": 65536}]}}
if profile != "-":
    spec["process"]["apparmorProfile"] = profile
json.dump(spec, open(path, "w"))
END
}
runs() { timeout 60 cloister --root "$root" run --bundle "$bundle" "$1" </dev/null 2>&1; }

show='cat /proc/self/attr/current'
config - "$show"
like "$(runs none)" unconfined "no profile asked for: none"
config docker-default "$show"
like "$(runs docker)" '^cloister-default \(enforce\)' "docker-default becomes cloister-default, loaded on demand"
like "$(cat $profiles)" 'cloister-default \(enforce\)' "… and it is loaded now"
config docker-default 'mount -t tmpfs t /mnt && echo mounted; umount /mnt && echo unmounted
	echo b >/proc/sysrq-trigger || echo no-sysrq; cat /proc/kcore >/dev/null || echo no-kcore'
out=$(runs mounts)
like "$out" mounted "the container may mount"
like "$out" unmounted "… and unmount"
like "$out" no-sysrq "sysrq-trigger is denied"

config containers-default-0.50.1 "$show"
like "$(runs other)" '^cloister-default ' "containers-default too"
config unconfined "$show"
like "$(runs un)" '^unconfined' "unconfined is honoured"
config no-such-profile "$show"
like "$(runs unknown)" 'no-such-profile.*not loaded.*apparmor_parser' "an unknown profile: a clear error"

printf 'profile mine flags=(attach_disconnected) {\n  file,\n  capability,\n  deny /tmp/no w,\n}\n' >"$work/mine"
apparmor_parser -Kr "$work/mine"
config mine "$show; echo x >/tmp/yes && echo wrote-yes; echo x >/tmp/no || echo refused-no"
out=$(runs mine)
like "$out" '^mine \(enforce\)' "a profile of the user's is honoured"
like "$out" 'refused-no' "… and enforced"
like "$out" 'wrote-yes' "… no more than it says"

# The container's own /proc is nothing that its profile is written through (CVE-2019-16884).
config docker-default "exec sleep 60"
python3 - "$bundle/config.json" <<'END'
import json, sys
spec = json.load(open(sys.argv[1]))
spec["mounts"][0] = {"destination": "/proc", "type": "tmpfs", "source": "tmpfs"}
json.dump(spec, open(sys.argv[1], "w"))
END
timeout 90 cloister --root "$root" run --bundle "$bundle" fake </dev/null >"$work/out" 2>&1 &
runner=$!
pid=
for _ in $(seq 40); do
	pid=$(cloister --root "$root" state fake 2>/dev/null | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
	[ -n "$pid" ] && grep -q sleep "/proc/$pid/comm" 2>/dev/null && break
	sleep 0.2
done
like "$(cat "/proc/${pid:-none}/attr/current" 2>&1)" '^cloister-default ' "a /proc that is none changes nothing"
cloister --root "$root" kill fake KILL 2>/dev/null
wait $runner
cloister --root "$root" delete --force fake 2>/dev/null

config docker-default "exec sleep 60"
timeout 90 cloister --root "$root" run --bundle "$bundle" two </dev/null >"$work/out" 2>&1 &
runner=$!
for _ in $(seq 40); do
	out=$(cloister --root "$root" exec two /bin/cat /proc/self/attr/current 2>&1) && break
	sleep 0.2
done
like "$out" '^cloister-default ' "exec gets the profile of the container"
cloister --root "$root" kill two KILL 2>/dev/null
wait $runner
cloister --root "$root" delete --force two 2>/dev/null
done_testing
