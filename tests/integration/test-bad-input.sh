#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bad input: one line that names the object, the right status, and nothing left behind.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox
root=$work/root
make_root "$root"
need_containers --rootfs "$root"

# bad STATUS REGEX DESC ARG…: cloister fails so, in one line on stderr, nothing on stdout.
bad() {
	local want=$1 regex=$2 desc=$3 status
	shift 3
	cloister "$@" </dev/null >"$tap_dir/stdout" 2>"$tap_dir/stderr"
	status=$?
	is "$status" "$want" "$desc: status $want" || diag "$(cat "$tap_dir/stderr")"
	is "$(wc -l <"$tap_dir/stderr")" 1 "$desc: one line" || diag "$(cat "$tap_dir/stderr")"
	like "$(cat "$tap_dir/stderr")" "$regex" "$desc: names the object"
	is "$(cat "$tap_dir/stdout")" "" "$desc: nothing on stdout"
	nothing_left "$desc: nothing is left"
}
r=(launch --rootfs "$root")
printf -v odd 'a\e]0;title\a\u009b2J\u202e\nb'
bad 127 '"a.u001b]0;title.u0007.u009b2J.u202e b"' "what would steer the terminal" "${r[@]}" -- "$odd"
bad 125 'option "-x"' "one letter of several" launch --read-only -txi -- true
bad 125 'option "-x"' "one letter" launch --read-only -x -- true
bad 125 'option "--memroy"' "an unknown word" launch --read-only --memroy 4 -- true
bad 125 'option "--name" lacks its value' "a word without its value" launch --read-only --name
bad 125 'unknown command "version"; did you mean `cloister --version`' "a word of other tools" version
# A directory that was removed: nothing is taken from "/" in its place.
mkdir "$work/gone" && cd "$work/gone" && rmdir "$work/gone"
for path in . etc; do
	bad 125 "volume source \"$path\": the current directory is gone" "-v $path:/x in a directory that is gone" "${r[@]}" -v "$path:/x" -- true
	bad 125 "rootfs \"$path\": the current directory is gone" "--rootfs $path in a directory that is gone" launch --rootfs "$path" -- true
	bad 1 "bundle \"$path\": the current directory is gone" "--bundle $path in a directory that is gone" run --bundle "$path" "$(cname gone)"
	bad 1 "config \"$path\": the current directory is gone" "docker-setup --config $path" docker-setup --dry-run --config "$path"
done
cd "$work" || exit 99
bad 125 'option "--rm=x" takes no value' "a word with a value too many" launch --rm=x -- true
bad 125 'rm=false: nothing of a container stays' "what cannot be switched off" launch --rm=false -- true
bad 125 'interactive=false: .*/dev/null' "standard input that is not wanted" launch --interactive=false -- true
bad 125 'rootfs "": give' "an empty root file system, not the current directory" launch --rootfs "" -- true
bad 127 'command "".*not found' "an empty command" "${r[@]}" -- ""
bad 125 'tmpfs target "/." .*below' "a tmpfs on the root" "${r[@]}" --tmpfs /. -- true
bad 125 'volume target "/" .*below' "a volume on the root" "${r[@]}" -v "$work:/" -- true
bad 125 'tmpfs "/x:colour=1": .*size=SIZE' "a tmpfs with an unknown option" "${r[@]}" --tmpfs /x:colour=1 -- true
bad 125 'tmpfs "/x:": .*size=SIZE' "a tmpfs with none after the colon" "${r[@]}" --tmpfs /x: -- true
bad 125 'mount tmpfs on "/x" with "mode=1777,size=1y": Invalid' "a tmpfs of a size that is none" "${r[@]}" --tmpfs /x:size=1y -- true
bad 125 'volume ".*:/vol:cache=no": .*cache=strict' "a volume with a value that there is not" "${r[@]}" -v "$work:/vol:cache=no" -- true
bad 125 '"/etc/passwd": is no directory' "a tmpfs on a file" "${r[@]}" --tmpfs /etc/passwd -- true
bad 125 '/no/such/root' "no such root file system" launch --rootfs /no/such/root -- true
bad 125 "$root/etc/passwd" "the root file system is a file" launch --rootfs "$root/etc/passwd" -- true
bad 127 '/no/such/command' "no such command" "${r[@]}" -- /no/such/command
bad 127 'nosuchcommand' "no such command in PATH" "${r[@]}" -- nosuchcommand
bad 126 '/etc/passwd' "a command that is not executable" "${r[@]}" -- /etc/passwd
bad 126 '/etc' "a command that is a directory" "${r[@]}" -- /etc
for size in abc 12Q -5M 0 1.5.5G ''; do bad 125 "memory|\"$size\"" "memory size '$size'" "${r[@]}" --memory "$size" -- true; done
for cpus in abc 0 -1 1e999; do bad 125 "cpus|\"${cpus##*:}\"" "--cpus '$cpus'" "${r[@]}" --cpus "$cpus" -- true; done
for list in abc 1- 3-1 0,,1 99999; do bad 125 "cpuset|\"${list##*:}\"" "--cpuset '$list'" "${r[@]}" --cpuset "$list" -- true; done
bad 125 'cpuset.cpus = "4000": .*; available are only [0-9,-]+$' "CPUs that are not there" "${r[@]}" --cpuset 4000 -- true
for pids in abc 0 -7; do bad 125 "pids|\"${pids##*:}\"" "--pids '$pids'" "${r[@]}" --pids "$pids" -- true; done
for user in nosuch:x 70000 1000:70000 -1; do bad 125 "user|\"${user##*:}\"" "--user '$user'" "${r[@]}" --user "$user" -- true; done
for name in ../x a/b '' .hidden "$(printf 'x%.0s' $(seq 300))"; do
	bad 125 'name' "name '${name:0:20}'" "${r[@]}" --name "$name" -- true
done
bad 125 'env|=' "--env without =" "${r[@]}" --env =x -- true
bad 125 'no/such' "--workdir that is relative" "${r[@]}" --workdir no/such -- true
bad 125 '/no/such/source' "a volume source that does not exist" "${r[@]}" -v /no/such/source:/vol -- true
bad 125 'volume|nonsense' "a volume without a target" "${r[@]}" -v nonsense -- true
bad 125 'relative|absolute' "a relative volume target" "${r[@]}" -v "$work:relative" -- true
bad 125 '"?:?odd|odd' "a volume with an unknown option" "${r[@]}" -v "$work:/vol:odd" -- true
bad 125 'hostname' "a hostname that is too long" "${r[@]}" --hostname "$(printf 'h%.0s' $(seq 70))" -- true
bad 125 'no-such-option' "an unknown option" "${r[@]}" --no-such-option -- true
bad 125 'nosuchverb' "an unknown command" nosuchverb
for verb in exec kill delete status; do
	args=(nosuchname)
	[ $verb != exec ] || args+=(true)
	cloister $verb "${args[@]}" </dev/null >"$tap_dir/stdout" 2>"$tap_dir/stderr"
	isnt $? 0 "$verb of an unknown container fails"
	like "$(cat "$tap_dir/stderr")" nosuchname "and names it"
	is "$(wc -l <"$tap_dir/stderr")" 1 "in one line"
done

### Too little memory to begin with: where the kernel kills it (not where it waits), that is said
if cgroup_has memory; then
	cloister "${r[@]}" --memory 64k -- true </dev/null >"$tap_dir/stdout" 2>"$tap_dir/stderr"
	[ $? != 125 ] || like "$(cat "$tap_dir/stderr")" 'memory' "64 KiB of memory: the limit is named"
fi

### A target that leads out of the root through a symlink
mkdir -p "$work/secret"
ln -s / "$root/etc/x"
ln -s "$work/secret" "$root/abs"
ln -s ../../../../../../../.. "$root/up"
for target in /etc/x/planted "/abs/planted" /up/planted; do
	cloister "${r[@]}" -v "$work/secret:$target" -- true </dev/null >"$tap_dir/out" 2>&1
	status=$?
	# Either refused in one line, or the link was followed inside the root: never outside.
	if [ $status = 125 ]; then
		is "$(wc -l <"$tap_dir/out")" 1 "target $target through a symlink: refused in one line"
	else
		is $status 0 "target $target through a symlink stays in the root" || diag "$(cat "$tap_dir/out")"
	fi
	fails '*' "nothing was made outside for $target" ls -d /planted "$work/secret/planted"
done
rm -rf "${root:?}/etc/x" "$root/abs" "$root/up" "$root/planted" "$root${work:?}"
rmdir "$root/tmp/planted" 2>/dev/null
nothing_left "and nothing is left"

### A symlink to "/" as the target itself: the volume would replace the container's root
ln -sfn / "$root/etc/rootlink"
bad 125 'etc/rootlink' "a target that is a symlink to the root" "${r[@]}" -v "$work/secret:/etc/rootlink" -- true
rm -f "$root/etc/rootlink"

### A directory as standard descriptor: openat(2) would reach the host from it
cloister "${r[@]}" -- true </ >"$tap_dir/stdout" 2>"$tap_dir/stderr"
is $? 125 "a directory on stdin: status 125"
like "$(cat "$tap_dir/stderr")" 'directory' "a directory on stdin: says so"

### A name in use
name=$(cname used)
launch_detached "$name" --rootfs "$root" -- sleep 1000
cloister "${r[@]}" --name "$name" -- true </dev/null >"$tap_dir/stdout" 2>"$tap_dir/stderr"
is $? 125 "a name in use: status 125"
like "$(cat "$tap_dir/stderr")" "$name" "a name in use: named"
is "$(wc -l <"$tap_dir/stderr")" 1 "a name in use: one line"
is "$(cloister exec "$name" echo alive </dev/null)" alive "and its owner lives on"
cloister delete --force "$name"
nothing_left "a name in use: nothing is left"

### What the machine lacks
mkdir -p "$work/public"
chmod 0755 "$work/public"
cp -r "$top_builddir/src" "$top_builddir/fusefs" "$work/public/" 2>/dev/null
setpriv --reuid 65534 --regid 65534 --clear-groups "$work/public/src/cloister" --root "$work/public/state" launch -- true \
	</dev/null >"$tap_dir/stdout" 2>"$tap_dir/stderr"
is $? 125 "without root: status 125"
like "$(cat "$tap_dir/stderr")" 'root' "without root: says so"
is "$(wc -l <"$tap_dir/stderr")" 1 "without root: one line"
# In a mount namespace of its own, so that the host's /dev/fuse stays.
without() { # COMMAND that breaks something, then the launch
	unshare -m sh -c "$1; exec cloister --root '$state' launch --rootfs '$root' -- true" </dev/null >"$tap_dir/stdout" 2>"$tap_dir/stderr"
}
mkdir -p "$work/empty"
# Half of an installation.
mkdir "$work/bin" && cp "$(type -P cloister)" "$top_builddir/src/cloister-warden" "$work/bin"
cp /bin/false "$work/bin/cloister-fs"
like "$("$work/bin/cloister" launch --rootfs "$root" -- true 2>&1)" "^cloister: .*start cloister-fs: it ended at once: \"$work/bin/cloister-fs\"; is it installed[?]\$" \
	"another program in the place of cloister-fs: one line that names it"
nothing_left "half of an installation: nothing is left"
# A tmpfs over /dev with the usual nodes and no fuse.
without "mkdir $work/dev; mount -t tmpfs none $work/dev && cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty $work/dev/ && mount --rbind $work/dev /dev"
is $? 125 "no /dev/fuse: status 125"
like "$(cat "$tap_dir/stderr")" '/dev/fuse' "no /dev/fuse: named"
is "$(wc -l <"$tap_dir/stderr")" 1 "no /dev/fuse: one line"
nothing_left "no /dev/fuse: nothing is left"
without 'for m in $(awk '"'"'$5 ~ "^/sys/fs/cgroup" { print $5 }'"'"' /proc/self/mountinfo | sort -r); do mount -o remount,bind,ro $m; done'
is $? 125 "cgroups not writable: status 125"
like "$(cat "$tap_dir/stderr")" 'cgroup' "cgroups not writable: named"
is "$(wc -l <"$tap_dir/stderr")" 1 "cgroups not writable: one line"
nothing_left "cgroups not writable: nothing is left"
touch "$work/statefile"
command cloister --root "$work/statefile" launch --rootfs "$root" -- true </dev/null >"$tap_dir/stdout" 2>"$tap_dir/stderr"
is $? 125 "a state root that is a file: status 125"
like "$(cat "$tap_dir/stderr")" 'statefile' "a state root that is a file: named"
done_testing
