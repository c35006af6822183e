# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# cloister-sockproxy before the dockerd "d": sourced after engines.sh.
#
#   proxy_start NAME COMMANDS   a proxy with that list, at $work/NAME.sock
#   through …                   docker, by the proxy that $via names (p)
#   get …                       curl, likewise
proxies=()
proxy_start() { # NAME COMMANDS
	python3 "$tests_lib/sockproxy.py" "$top_builddir/src/cloister-sockproxy" "$work/$1.sock" "$work/d/sock" "$2" </dev/null >>"$work/proxy.log" 2>&1 &
	proxies+=($!)
	eventually 10 curl -s -o /dev/null --unix-socket "$work/$1.sock" http://d/_ping
}
proxies_end() { kill "${proxies[@]}" && wait "${proxies[@]}"; } 2>/dev/null
on_exit proxies_end
through() { DOCKER_CONFIG=$engine_cli timeout 60 "$engine_docker" -H "unix://$work/${via:-p}.sock" "$@"; }
get() { curl -s -m 10 --unix-socket "$work/${via:-p}.sock" "$@"; }
