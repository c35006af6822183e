#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A whole distribution in a container: apt and dpkg, users, Python, a compiler, and an image built from
# it. Made by debootstrap out of the archive that this machine uses.
TEST_TIMEOUT=${TEST_TIMEOUT:-900}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-docker; gate tool-debootstrap; gate tool-python3
tar=$(bash "$top_srcdir/tests/vm/make-debian.sh" tar) || { fail "debootstrap makes a tree"; done_testing; }
engine_docker_ready d
ok "the tree is imported" docker import "$tar" debian
ask docker run --rm --network none debian <<'END'
map: cat /proc/self/uid_map
version: cut -d . -f 1 /etc/debian_version
python: python3 -c 'import os; print(os.getuid(), sum(range(10)))'
cc: printf 'int puts(const char *); int main(void) { return puts("compiled") < 0; }' >/tmp/a.c && cc -o /tmp/a /tmp/a.c && /tmp/a
make: printf 'all:\n\t@echo made\n' >/tmp/Makefile && make -s -C /tmp
apt: apt-get -qq check && apt-cache policy dpkg | grep -c Installed
user: useradd -m -u 1234 ann && su ann -c 'id -u; touch ~/mine; stat -c %U:%u ~/mine'
deb: mkdir -p /p/DEBIAN /p/opt && echo hi >/p/opt/hi && chown 33:33 /p/opt/hi && printf 'Package: p\nVersion: 1\nArchitecture: all\nMaintainer: t\nDescription: t\n' >/p/DEBIAN/control && dpkg-deb -b /p /p.deb >/dev/null && dpkg -i /p.deb >/dev/null && stat -c %U /opt/hi && dpkg -r p >/dev/null && test ! -e /opt/hi && echo removed
suid: su nobody -s /bin/sh -c 'test -u /bin/su && id -u'
ps: ps -e -o pid=,comm= | head -n 1
END
unlike "${said[map]}" '^ *0 +0 ' "isolation: root is not root of the host"
said_is version 12 "Debian 12"
said_is python "0 45" "Python"
said_is cc compiled "the C compiler, and what it made"
said_is make made "make"
said_is apt 1 "apt reads its lists"
is "$(echo ${said[user]})" "1234 ann:1234" "a user is added, and owns what it makes"
is "$(echo ${said[deb]})" "www-data removed" "dpkg installs and removes a package with an owner of its own"
said_is suid 65534 "su becomes nobody"
said_like ps '1 ' "ps sees the container's own processes"
mkdir "$work/context"
printf 'int main(void) { return 42; }\n' >"$work/context/a.c"
printf 'FROM debian\nCOPY a.c /src/a.c\nRUN cc -o /bin/answer /src/a.c && chown 33:33 /bin/answer\nRUN cat /proc/self/uid_map >/map\n' >"$work/context/Dockerfile"
ok "build" docker build --network none -q -t built "$work/context"
is "$(docker run --rm built sh -c 'answer; echo $?; stat -c %U /bin/answer' | tr '\n' ' ')" "42 www-data " "what was built runs, with its owner"
engine_dockerd_stop d
done_testing
