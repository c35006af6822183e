#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mount.shiftfs under a real systemd: lines of /etc/fstab as units.
. "${top_srcdir:?: run it by run-debian.sh}/tests/lib/tap.sh" || exit 99
gate root; gate fuse; gate idmap

host() { nsenter -t 1 -m -- "$@"; }
state_of() { systemctl show -P ActiveState "$1"; }
servers() { pgrep -x shiftfs; }
no_servers() { ! servers >/dev/null; }
for name in mount.shiftfs mount.fuse.shiftfs; do
	ln -sf "$top_builddir/shiftfs-fallback/mount.shiftfs" "/sbin/$name"
done
mkdir -p /srv/shared /var/lib/{shared,forced,none}
cp /etc/fstab "$work/fstab"
cat >>/etc/fstab <<-END
	/srv/shared /var/lib/shared shiftfs idmap=0:100000:65536 0 0
	/srv/shared /var/lib/forced fuse.shiftfs idmap=0:100000:65536,x-systemd.requires-mounts-for=/srv 0 0
	/srv/nowhere /var/lib/none shiftfs idmap=0:100000:65536,nofail 0 0
END
restore() { cp "$work/fstab" /etc/fstab; systemctl stop var-lib-{shared,forced,none}.mount; systemctl daemon-reload; systemctl reset-failed; }
on_exit restore
systemctl daemon-reload

ok "a unit of type shiftfs starts" systemctl start var-lib-shared.mount
is "$(state_of var-lib-shared.mount)" active "and is active"
like "$(host findmnt -no OPTIONS /var/lib/shared)" idmapped "it is an ID-mapped mount"
ok "without a server" no_servers
ok "a unit of type fuse.shiftfs starts" systemctl start var-lib-forced.mount
is "$(host findmnt -no FSTYPE,SOURCE /var/lib/forced | tr -s ' ')" "fuse.shiftfs /srv/shared" "it is FUSE"
is "$(host stat -c %u /var/lib/forced)" 100000 "which answers"
like "$(cat "/proc/$(servers)/cgroup")" 'var-lib-forced\.mount' "the server is in the unit's cgroup"
like "$(systemctl show -P RequiresMountsFor var-lib-forced.mount)" /srv "the source's mount is waited for"
systemctl daemon-reload
is "$(state_of var-lib-forced.mount)" active "a reload of systemd leaves it"
ok "reload: a remount" systemctl reload var-lib-forced.mount
is "$(host stat -c %u /var/lib/forced)" 100000 "it answers still"
ok "the unit stops" systemctl stop var-lib-forced.mount
is "$(state_of var-lib-forced.mount)" inactive "and is inactive"
ok "its server has ended" eventually 5 no_servers
systemctl start var-lib-forced.mount
host umount /var/lib/forced
inactive() { [ "$(state_of var-lib-forced.mount)" = inactive ]; }
ok "umount(8) ends the unit" eventually 10 inactive
ok "and the server" eventually 5 no_servers
ok "a source that is missing, with nofail: local-fs.target is reached" systemctl start local-fs.target
ok "the other unit stops" systemctl stop var-lib-shared.mount
is "$(host findmnt -n /var/lib/shared)" "" "nothing is mounted"
done_testing
