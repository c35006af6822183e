# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# Bundles and a runtime without an engine: sourced after tap.sh and engines.sh (for $engine_runtime).
# The commands are those that engines type; shim.py plays containerd's shim.

oci_root=$work/oci
engine_private_run || exit 99
make_root "$work/rootfs"
mkdir -p "$work/b"

# The runtime by itself, as a person types it; `rt_log` as an engine does.
rt() { "$engine_runtime" --root "$oci_root" "$@"; }
rt_log() { local log=$1; shift; "$engine_runtime" --root "$oci_root" --log "$log" --log-format json "$@"; }

# bundle NAME [PATCH]: $work/b/NAME, with cgroups that the look at the machine finds.
bundle() {
	local name=$1 patch=${2:-'{}'}
	python3 "$tests_lib/shim.py" bundle "$work/b/$name" "$work/rootfs" "$patch" || return 1
	python3 - "$work/b/$name/config.json" "/cloister-test-$$-oci/$name" <<-'END'
		import json, sys
		d = json.load(open(sys.argv[1]))
		d["linux"].setdefault("cgroupsPath", sys.argv[2])
		json.dump(d, open(sys.argv[1], "w"), indent=1)
	END
}
args() { python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@"; }
# run_in NAME PATCH SHELL: the output of a shell command in a container of its own, errors too.
run_in() {
	local name=$1
	bundle "$name" "$(python3 -c '
import json, sys
d = json.loads(sys.argv[1])
d.setdefault("process", {})["args"] = ["/bin/sh", "-c", sys.argv[2]]
print(json.dumps(d))' "$2" "$3")" || return 1
	rt run -b "$work/b/$name" "$(cname "$name")" 2>&1 </dev/null
}
life() { # [OPTION…] NAME: what the shim saw, in $seen
	local name=${!#}
	seen=$(python3 "$tests_lib/shim.py" life "${@:1:$#-1}" "$engine_runtime" "$oci_root" "$work/b/$name" "$(cname "$name")" 2>&1)
}
shim_exec() { # [OPTION…] NAME PROCESS-JSON
	local name=${*: -2:1}
	seen=$(python3 "$tests_lib/shim.py" exec "${@:1:$#-2}" "$engine_runtime" "$oci_root" "$work/b/$name" "$(cname "$name")" "${!#}" 2>&1)
}
seen() { json "d.get('$1')" <<<"$seen" 2>/dev/null || echo "no answer: $seen"; }
create() { bundle "$@" && rt create --bundle "$work/b/$1" --pid-file "$work/b/$1/pid" "$(cname "$1")" </dev/null >"$work/b/$1/out" 2>&1; }
state() { rt state "$(cname "$1")" 2>&1; }
status_of() { state "$1" | json 'd["status"]' 2>/dev/null; }
has_status() { [ "$(status_of "$1")" = "$2" ]; }
forget() { local n; for n; do rt delete --force "$(cname "$n")" >/dev/null 2>&1; done; }
oci_end() {
	local dir
	for dir in "$oci_root"/*/; do [ ! -d "$dir" ] || rt delete --force "$(basename "$dir")" >/dev/null 2>&1; done
	engine_cgroups_end "cloister-test-$$-oci" || diag "cgroups are left"
}
on_exit oci_end
# The machine, as far as a command that fails must not change it.
machine_now() { machine_mounts; find /sys/fs/cgroup -type d -path "*cloister-test-$$-oci/*" | sort; ls "$oci_root" 2>/dev/null; }
