#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# systemd as a container's first process: it boots to "running", its tools work, and the options by which
# it shuts services in do what they say. $INSIDE_KIND: the tree, see make-debian.sh.
TEST_TIMEOUT=${TEST_TIMEOUT:-400}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/machine.sh"
. "$tests_lib/engines.sh"
gate root; gate launcher; gate idmap
kind=${INSIDE_KIND:-inside}
machine_gate "$kind"
machine_root "$kind" || { fail "a Debian with systemd"; done_testing; }
m=$(cname "$kind")
inside() { cloister exec "$m" "$@" </dev/null 2>&1; }
before=${EPOCHREALTIME/./}
ok "boots" machine_up "$m" "$kind" --memory 1g
took=$(((${EPOCHREALTIME/./} - before) / 1000))
diag "up after $took ms"
below $took $((30000 * ${TEST_SLOW:-1})) "in a time in which a machine does"
is "$(inside systemctl --failed --no-legend --plain)" "" "no unit failed"
is "$(inside systemctl is-system-running)" running "systemctl is-system-running"
like "$(inside systemd-detect-virt)" '^(container-other|cloister)$' "systemd-detect-virt"
like "$(inside hostnamectl --static; inside hostname)" "$m" "hostnamectl"
# Its service wants a memory.pressure.
set_name=hostnamectl\ set-hostname
machine_has_controllers "$kind" || set_name=hostname
is "$(inside sh -c "$set_name box && hostname")" box "... sets it"
like "$(inside loginctl list-sessions --no-legend; echo "status $?")" 'status 0' "loginctl"
inside sh -c 'echo from-here | systemd-cat -t probe; journalctl --sync'
like "$(inside journalctl -b -t probe --no-pager -o cat)" from-here "journalctl has this boot's log"
like "$(inside sh -c 'cat /proc/sys/kernel/random/boot_id | tr -d -')" "^$(inside journalctl --list-boots -n 1 --no-pager -o json 2>/dev/null | grep -o '[0-9a-f]\{32\}' | head -n 1)$" "of a boot id that is its own"
isnt "$(inside cat /proc/sys/kernel/random/boot_id)" "$(cat /proc/sys/kernel/random/boot_id)" "isolation: and not the host's"
is "$(inside stat -f -c %T /run)" tmpfs "/run is a tmpfs"
like "$(inside systemd-run --wait --pipe -q -p MemoryMax=50M -p TasksMax=20 cat /proc/self/cgroup)" 'system.slice/run-' "a unit has a cgroup of its own"
is "$(inside systemd-run --wait --pipe -q -p User=nobody id -un)" nobody "a service as a user"
! machine_has_controllers "$kind" || machine_limits cloister exec "$m"
inside sh -c 'cat >/etc/systemd/system/tick.service <<END
[Service]
Type=oneshot
ExecStart=/bin/touch /run/ticked
END
cat >/etc/systemd/system/tick.timer <<END
[Timer]
OnActiveSec=0
AccuracySec=1ms
END
systemctl daemon-reload; systemctl start tick.timer'
ok "a timer" eventually 10 cloister exec "$m" test -e /run/ticked

inside sh -c 'mkdir /other && cd /other && mkdir usr && ln -s usr/bin usr/lib usr/lib64 .'
# PROPERTY…, command in the unit, what it says; tabs between
while IFS=$'\t' read -r options command want; do
	args=()
	for o in $options; do args+=(-p "$o"); done
	like "$(inside timeout $((60 * ${TEST_SLOW:-1})) systemd-run --wait --pipe -q "${args[@]}" sh -c "$command")" "$want" "$options"
done <<'END'
ProtectKernelTunables=yes	echo 1 >/proc/sys/vm/overcommit_memory 	| echo kept|(kept|Read-only)
ProtectKernelModules=yes	echo fine	^fine
ProtectKernelLogs=yes	test -r /dev/kmsg 	| echo none|none
ProtectControlGroups=yes	mkdir /sys/fs/cgroup/x 2>/dev/null || echo kept	kept
ProtectClock=yes	echo fine	^fine
ProtectHostname=yes	hostname other 2>/dev/null; hostname	^box
ProtectSystem=full	touch /usr/x 2>&1 || echo kept	Read-only
ProtectSystem=strict	touch /srv/x 2>&1	Read-only
ProtectHome=yes	ls -A /root 2>&1; echo done	^done|denied
ProtectHome=tmpfs	stat -f -c %T /home	tmpfs
ProtectProc=invisible User=nobody	ls -d /proc/[0-9]* | wc -l	^[1-4]$
ProcSubset=pid	test -e /proc/meminfo || echo none	^none
PrivateTmp=yes	touch /tmp/mine; ls /tmp	^mine$
PrivateDevices=yes	test -e /dev/fuse || echo none	^none
PrivateNetwork=yes	ls /sys/class/net | tr '\n' ' '; ip -o link | wc -l	1$
PrivateUsers=yes	cat /proc/self/uid_map | wc -l	[1-9]
PrivateIPC=yes	echo fine	^fine
PrivateMounts=yes	mount -t tmpfs x /mnt && stat -f -c %T /mnt	tmpfs
NoNewPrivileges=yes	grep NoNewPrivs /proc/self/status	1$
RestrictSUIDSGID=yes	touch /tmp/s; chmod u+s /tmp/s 2>&1	(denied|not permitted)
RestrictNamespaces=yes	unshare -n true 2>&1	(denied|not permitted)
RestrictAddressFamilies=AF_UNIX	python3 -c 'import socket; socket.socket(socket.AF_INET)' 2>&1 | tail -n 1	not supported
RestrictRealtime=yes	echo fine	^fine
LockPersonality=yes	echo fine	^fine
MemoryDenyWriteExecute=yes	echo fine	^fine
SystemCallFilter=@system-service	echo fine	^fine
SystemCallFilter=~@mount	mount -t tmpfs x /mnt 2>&1	(denied|not permitted|Bad system)
SystemCallArchitectures=native	echo fine	^fine
CapabilityBoundingSet=CAP_CHOWN	grep CapBnd /proc/self/status	0000000000000001$
AmbientCapabilities=CAP_NET_BIND_SERVICE User=nobody	grep CapAmb /proc/self/status	0000000000000400$
DynamicUser=yes	id -u	^6[0-9]{4}
DynamicUser=yes StateDirectory=dyn	touch /var/lib/dyn/x && stat -c %u /var/lib/dyn/x	^6[0-9]{4}
RuntimeDirectory=rd	ls -d /run/rd	/run/rd
CacheDirectory=cd	ls -d /var/cache/cd	/var/cache/cd
InaccessiblePaths=/etc/passwd	cat /etc/passwd || id -u root	^0?$
InaccessiblePaths=/proc/uptime	cat /proc/uptime | wc -c	^0$
ReadOnlyPaths=/var	touch /var/x 2>&1	Read-only
ReadWritePaths=/var/tmp ProtectSystem=strict	touch /var/tmp/x && echo fine	^fine
TemporaryFileSystem=/srv	stat -f -c %T /srv	tmpfs
BindPaths=/etc:/mnt	test -e /mnt/passwd && echo fine	^fine
BindReadOnlyPaths=/usr:/mnt	touch /mnt/x 2>&1	Read-only
BindPaths=/proc:/mnt	test -e /mnt/uptime && echo fine	^fine
RootDirectory=/other MountAPIVFS=yes BindReadOnlyPaths=/usr	cut -d . -f 1 /proc/uptime	^[0-9]{1,3}$
UMask=0077	touch /tmp/u$$ && stat -c %a /tmp/u$$	^600$
IPAddressDeny=any	echo fine	^fine
LimitNOFILE=512	ulimit -n	^512$
Nice=5	nice	^5$
KeyringMode=private	echo fine	^fine
END
below "$(inside systemd-run --wait --pipe -q -p ProtectProc=invisible cut -d . -f 1 /proc/uptime)" "$(machine_age)" "isolation: a unit's own /proc has the container's views"
ok "poweroff ends it" cloister exec "$m" systemctl poweroff
gone() { ! cloister status "$m" >/dev/null 2>&1; }
ok "... within seconds" eventually 30 gone

# What a process 1 that calls reboot(2) ends with.
is "$(launch --privileged -- busybox reboot -f; echo $?)" 129 "launch's status after a reboot from inside"
is "$(launch --privileged -- busybox poweroff -f; echo $?)" 130 "... and after a poweroff"

# A container of Docker's. The image has all but /usr, which is large; of the newest only its own words differ.
[ "$kind" = inside ] || done_testing
have engine-docker || { skip engine-docker "systemd in a container of Docker's"; done_testing; }
tree=$(machine_tree "$kind")
on_exit engine_dockerd_stop d
engine_dockerd_start d || { fail "dockerd starts"; done_testing; }
machine_image "$tree"
mkdir "$work/journal"
machine_run "$tree" --restart=always -v "$work/journal:/var/log/journal"
settled() { machine_settled docker exec box; }
of_box() { docker inspect -f "{{.$1}}" box; }
ended() { docker events --since "$since" --until "$(date +%s)" --filter container=box --filter event=die --format '{{.Actor.Attributes.exitCode}}' | xargs; }
since=$(date +%s)
ok "docker run: boots" eventually 60 settled
is "$(docker exec box systemctl is-system-running)" running "... to running"
first=$(docker exec box journalctl --flush; docker exec box journalctl --list-boots -q | wc -l)
docker exec box systemctl reboot
back() { [ "$(of_box RestartCount)" = 1 ] && settled; }
ok "systemctl reboot, with --restart=always: it comes up again" eventually 60 back
is "$(ended)" 129 "... by a status of its own"
docker exec box journalctl --flush
ok "docker stop" docker stop -t 100 box
is "$(of_box State.ExitCode) $(of_box State.Status)" "130 exited" "... ends it by STOPSIGNAL, not by SIGKILL"
is "$(journalctl -D "$work/journal" -o cat -n 2 -q | xargs)" "Shutting down. Journal stopped" "... as its journal says"
ok "docker start" docker start box
ok "... boots" eventually 60 settled
ok "docker restart" docker restart -t 100 box
ok "... boots" eventually 60 settled
is "$(ended)" "129 130 130" "... after an end of its own"
is "$(docker exec box journalctl --list-boots -q | wc -l)" $((first + 3)) "its journal has all boots"
engine_dockerd_stop d
done_testing
