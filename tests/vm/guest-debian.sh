#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Is the stock Debian guest what the suites believe it to be?
. "${top_srcdir:-.}/tests/lib/tap.sh"

like "$(cat /etc/debian_version)" '^12\.' "Debian 12"
like "$(uname -r)" '^6\.1\.' "its kernel"
is "$(cat /proc/1/comm)" systemd "systemd is the first process"
is "$(stat -fc %T /sys/fs/cgroup)" cgroup2fs "cgroup v2 alone"
is "$(cat /sys/module/apparmor/parameters/enabled)" Y "AppArmor is on"
like "$(cat /sys/kernel/security/lsm)" apparmor "AppArmor is among the security modules"
ok "apparmor_parser is there" apparmor_parser --version
like "$(systemctl is-system-running 2>&1)" '^(running|degraded|starting)$' "systemd answers"
diag "failed units: $(systemctl --failed --plain --no-legend | tr '\n' ';')"
ok "dbus answers" busctl --system call org.freedesktop.systemd1 /org/freedesktop/systemd1 \
	org.freedesktop.DBus.Peer Ping
for f in fuse userns timens loop idmap; do
	if have $f; then pass "feature $f"; else fail "feature $f"; fi
done
for p in dockerd containerd runc iptables; do ok "$p is installed" type -P $p; done
ok "modules load: a bridge" sh -c 'ip link add tbr0 type bridge && ip link del tbr0'
ok "a disk file system with room" test "$(df --output=avail -m "$work" | tail -n 1)" -gt 1000
done_testing
