#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The calls that the settings can grant, under Docker and Podman: the engine's own profile of system calls
# has the first word, the switch the second, the kernel the last.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-docker; gate tool-busybox; gate tool-python3; gate idmap
echo '{"cloister": {"inside": {"setxattr": true, "swap": true, "sched_setscheduler": 10}}}' >"$work/settings.json"
ENGINE_RUNTIME_ARGS="\"--settings\", \"$work/settings.json\""
engine_docker_ready d
mkdir -p "$work/tool"
cp "$top_builddir/tests/lib/granted" "$work/tool/"
volumes=(-v "$work/tool:/tool:ro" -v "$work/vol:/v")
by_docker() { docker run --rm "${volumes[@]}" "$@"; }
by_podman() {
	podman --runtime-flag "settings=$work/settings.json" run --rm --cgroup-parent "/cloister-test-$$-podman" "${volumes[@]}" "$@"
}
mark() { getfattr --only-values -n trusted.overlay.opaque "$work/vol/d" 2>/dev/null || echo none; }
# The machine's own swap, while this lasts.
swapfile() {
	fallocate -l 100M "$work/swapfile" 2>/dev/null && chmod 600 "$work/swapfile" && mkswap "$work/swapfile" && swapon "$work/swapfile" &&
		on_exit swapoff "$work/swapfile"
} >/dev/null 2>&1
swapfile || rm -f "$work/swapfile"

questions='seccomp: sed -n "s/^Seccomp:.//p" /proc/self/status
opaque: /tool/granted setxattr set /v/d trusted.overlay.opaque y 0
off: /tool/granted swapoff /dev/swap; free -k | awk "/^Swap/ { print \$2 }"
on: /tool/granted swapon /dev/swap; free -k | awk "/^Swap/ { print \$2 }"
limit: ulimit -Hr
rt: /tool/granted realtime 5 echo yes
more: /tool/granted realtime 50 echo yes'
asks() { # RUN OPTION… IMAGE
	rm -rf "$work/vol"
	mkdir -p "$work/vol/d"
	ask "$@" <<<"$questions"
}
realtime() { # ENGINE
	if have rlimit-rtprio; then
		said_is limit 10 "$1: the settings' real-time priority is the limit"
		! have realtime-v2 || said_is rt yes "$1: the kernel grants it, and the profile lets it pass"
	else
		skip rlimit-rtprio "$1: the settings' real-time priority is the limit"
	fi
	said_is more EPERM "$1: no higher one"
}
engine() { # NAME RUN IMAGE
	local limits=(-m 64m --memory-swap 96m)
	asks "$2" "$3"
	is "${said[opaque]} $(mark)" "EPERM none" "$1: without CAP_SYS_ADMIN nothing is set"
	realtime "$1"
	asks "$2" "${limits[@]}" --cap-add SYS_ADMIN "$3"
	is "${said[seccomp]} ${said[opaque]} $(mark)" "2  y" "$1: with it, under its profile, the mark is set"
	[ ! -e "$work/swapfile" ] || is "${said[off]} ${said[on]}" "EPERM
32768 EPERM
32768" "$1: its profile knows neither swapoff nor swapon, and has the first word"
	asks "$2" "${limits[@]}" --privileged "$3"
	is "${said[opaque]} $(mark)" " y" "$1: --privileged, the mark is set"
	[ ! -e "$work/swapfile" ] || is "${said[off]} ${said[on]}" "0 32768" "$1: swap goes and comes"
}
engine Docker by_docker bb
if have engine-podman; then
	on_exit engine_podman_stop
	engine_podman_setup
	podman load -q -i "$work/bb.tar" >/dev/null
	engine Podman by_podman localhost/bb
else
	skip engine-podman "the same under Podman"
fi

if [ -e "$work/swapfile" ]; then
	swap_of() { docker exec cc free -k | awk '/^Swap/ { print $2 }'; }
	docker run -d --name cc --privileged -m 64m --memory-swap 96m "${volumes[@]}" bb sleep 1000 >/dev/null
	is "$(docker exec cc /tool/granted swapoff /dev/swap; swap_of)" 0 "docker exec: swapoff"
	docker update -m 64m --memory-swap 112m cc >/dev/null
	is "$(swap_of)" 49152 "docker update: its word holds"
	docker exec cc /tool/granted swapoff /dev/swap
	docker restart -t 0 cc >/dev/null
	is "$(swap_of)" 49152 "a restart begins with what Docker says"
	docker rm -f cc >/dev/null
else
	skip swapfile "swapoff and swapon"
fi
done_testing
