#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Files under Docker: volumes of every kind seen from both sides, cp, diff, commit, export, import and
# the classic builder; and nothing of an image is ever changed on disk. "isolation:" titles are what
# other runtimes fail.
TEST_TIMEOUT=${TEST_TIMEOUT:-900}
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
. "$tests_lib/engines.sh"
gate root; gate launcher; gate engine-docker; gate tool-busybox; gate tool-python3
engine_docker_ready d

# Every inode of the image's layers: owner, group, mode, change time.
layers() {
	local dir
	for dir in $(docker image inspect -f '{{with .GraphDriver.Data}}{{.UpperDir}}:{{.LowerDir}}{{end}}' bb | tr ':' ' '); do
		[ ! -d "$dir" ] || find "$dir" -printf '%p %i %U %G %m %C@\n'
	done | sort
}
layers >"$work/layers-before"
[ -s "$work/layers-before" ] || diag "storage driver without layers"

### Binds and volumes, from both sides
make_volume "$work/vol"
cp -a "$work/vol" "$work/ro"
mkdir "$work/ro/mounted"
stat -c '%n %u %g %Z' "$work"/vol/* >"$work/vol-before"
ask docker run --rm -v "$work/vol:/vol" -v "$work/ro:/ro:ro" -v "$work/vol/of-root:/file:ro" bb <<'END'
owners: stat -c '%n %u %g' /vol/of-*
write: echo new >/vol/by-root && touch /vol/by-1000 && chown 1000:1000 /vol/by-1000 && mkdir /vol/dir && ls -ln /vol
user: su user -c 'echo more >>/vol/of-1000; echo x >>/vol/of-root'
rofile: echo x >>/file
rowrite: touch /ro/x
roread: cat /ro/of-root
remount: attack remount-rw /ro; touch /ro/x
setattr: attack remount-rw-setattr /ro; touch /ro/x
dev: grep -E ' /(vol|ro|file) ' /proc/mounts
node: mknod /vol/node c 1 1; cat /vol/node | head -c 1 | wc -c
END
is "$(echo ${said[owners]})" "/vol/of-1000 1000 1000 /vol/of-65534 65534 65534 /vol/of-root 0 0" "files of a bind mount have their owners inside"
mkdir "$work/ram"; mount -t ramfs -o mode=755 ram "$work/ram"; on_exit umount -l "$work/ram"
make_volume "$work/ram"
is "$(docker run --rm -v "$work/ram:/vol" -v "$work/ram/of-root:/file" bb sh -c 'stat -c "%u %g" /vol/of-1000; echo new >/vol/new; chown 7:8 /vol/new; cat /file; grep -c " /\(vol\|file\) fuse.shiftfs " /proc/mounts' | tr '\n' ' ')" \
	"1000 1000 root 2 " "isolation: also where the kernel cannot map ids, of directories and of files"
is "$(stat -c %u:%g "$work/ram/new")" 7:8 "and on disk"
is "$(stat -c '%u:%g' "$work/vol/by-root" "$work/vol/by-1000" "$work/vol/dir" | tr '\n' ' ')" "0:0 1000:1000 0:0 " "... and outside what they had inside"
said_like user 'of-root: Permission denied' "a user writes its own files only"
is "$(cat "$work/vol/of-1000")" $'user\nmore' "... but those"
said_like rowrite 'Read-only' ":ro"
said_like rofile 'Read-only' ":ro of a file"
said_is roread root ":ro can be read"
said_like remount 'EPERM|EACCES' ":ro cannot be remounted"
said_like remount 'touch.*Read-only' "... and stays read-only"
said_like setattr 'EPERM|EACCES|ENOSYS' ":ro cannot be changed by mount_setattr"
said_like node 'not permitted|denied' "isolation: a device node made in a volume cannot be used"
rm -f "$work/vol/node"
ask docker run --rm --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
	-v "$work/ro:/ro:ro" bb <<'END'
remount: attack remount-rw /ro; touch /ro/x
setattr: attack remount-rw-setattr /ro; touch /ro/x
clone: attack clone-rw /ro; attack clone-recursive-rw /ro; touch /ro/x
super: attack remount-rw-super /ro; touch /ro/x
own: mount --bind /ro /mnt && mount -o remount,rw,bind /mnt; touch /mnt/x
END
for way in remount setattr clone super; do said_like $way 'touch.*Read-only' "isolation: CAP_SYS_ADMIN cannot write a :ro volume after $way"; done
said_like own 'touch.*Read-only' "isolation: ... nor through a bind of it"
ok "isolation: nothing was written there" test ! -e "$work/ro/x"
rm -f "$work/ro/x"

docker volume create data >/dev/null
is "$(docker run --rm -v data:/data bb stat -c '%u %g' /data/seed)" "1000 1000" "a named volume is filled from the image"
docker run --rm -v data:/data --user user bb sh -c 'echo kept >/data/mine' 
is "$(docker run --rm -v data:/elsewhere bb stat -c '%u' /elsewhere/mine)" 1000 "a named volume is kept"
is "$(stat -c %u "$(docker volume inspect -f '{{.Mountpoint}}' data)/mine")" 1000 "... with owners unshifted on disk"
docker run -d --name vf -v data:/data -v "$work/vol:/vol:ro" bb sleep 1000 >/dev/null
is "$(docker run --rm --volumes-from vf bb sh -c 'cat /data/mine; touch /vol/x 2>&1')" \
	$'kept\ntouch: /vol/x: Read-only file system' "--volumes-from"
is "$(docker run --rm -v /anon bb sh -c 'touch /anon/x && stat -c %u /anon/x')" 0 "an anonymous volume"
is "$(docker run --rm --mount type=bind,src="$work/vol",dst=/v,readonly bb sh -c 'cat /v/of-root; touch /v/x 2>&1 | grep -c Read-only')" \
	$'root\n1' "--mount type=bind,readonly"
is "$(docker run --rm --mount type=volume,src=data,dst=/v bb cat /v/mine)" kept "--mount type=volume"
like "$(docker run --rm --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770 bb sh -c 'df -k /t; ls -ld /t')" ' 1024 ' "--mount type=tmpfs"
is "$(docker run --rm -v "$work/vol:/v:z" bb cat /v/of-root)" root ":z is accepted"
is "$(docker run --rm -v "$work/new-dir:/v" bb sh -c 'touch /v/x; stat -c %u /v/x'; stat -c %u "$work/new-dir/x")" $'0\n0' "a bind source that docker makes"
fails 'does not exist' "--mount of a source that is not there" docker run --rm --mount type=bind,src="$work/nothing",dst=/v bb true
is "$(docker run --rm -v "$work/vol:/a/b/c" bb cat /a/b/c/of-root)" root "a target that the image has not"
is "$(docker run --rm -v "$work/vol:/vol" -v "$work/ro:/vol/sub:ro" bb sh -c 'cat /vol/sub/of-root; touch /vol/sub/x 2>&1 | grep -c Read-only')" \
	$'root\n1' "a volume in a volume"
two_write() { docker run --rm -v "$work/vol:/vol" --user "$1" bb sh -c "echo $1 >>/vol/sub/shared$1; stat -c %u /vol/sub/shared$1" 2>&1; }
chmod 1777 "$work/vol/sub"
is "$(two_write 5) $(two_write 1000)" "5 1000" "two containers share a volume, each with its users"
cmp -s <(stat -c '%n %u %g' "$work"/vol/of-*) <(grep /of- "$work/vol-before" | cut -d ' ' -f 1-3)
is "$?" 0 "owners of the volume's files are as before"

# Propagation: what the host mounts later below an rslave volume appears.
mkdir -p "$work/prop/in"
mount --bind "$work/prop" "$work/prop"
mount --make-shared "$work/prop"
on_exit umount "$work/prop"
if docker run -d --name slave -v "$work/prop:/prop:rslave" bb sleep 1000 >/dev/null 2>"$work/err"; then
	mount -t tmpfs cloister-tests "$work/prop/in"
	: >"$work/prop/in/late"
	ok "rslave: a later mount of the host appears" eventually 5 docker exec slave test -e /prop/in/late
	docker rm -f slave >/dev/null
	umount "$work/prop/in"
else
	fail "rslave is accepted"; diag "$(cat "$work/err")"
fi
docker rm -f slave >/dev/null 2>&1
fails 'shared' "isolation: rshared to the host is refused with a reason" docker run --rm -v "$work/prop:/prop:rshared" bb true

### cp, diff
docker run -d --name cp -v data:/data bb sh -c 'echo in >/tmp/inside; chown 1000:1000 /tmp/inside; sleep 1000' >/dev/null
eventually 10 docker exec cp test -e /tmp/inside
echo "from host" >"$work/file"
ok "cp in" docker cp "$work/file" cp:/tmp/file
is "$(docker exec cp sh -c 'cat /tmp/file; stat -c %u /tmp/file')" $'from host\n0' "... arrives as root's"
chown 1000:1000 "$work/file"
docker cp -a "$work/file" cp:/tmp/archive
is "$(docker exec cp stat -c '%u:%g' /tmp/archive)" 1000:1000 "cp -a keeps the owner"
docker exec cp sh -c 'ls /tmp >/dev/null; echo looked up >/tmp/file2; cat /tmp/file2 >/dev/null; rm /tmp/file2; ls /tmp/file2 2>/dev/null'
echo again >"$work/file2"
docker cp "$work/file2" cp:/tmp/file2
is "$(docker exec cp cat /tmp/file2)" again "cp in to a name that was looked up and not there"
echo longer than before >"$work/file2"
docker cp "$work/file2" cp:/tmp/file2
is "$(docker exec cp cat /tmp/file2)" "longer than before" "cp in over a file that was read"
ok "cp out" docker cp -a cp:/tmp/inside "$work/out"
is "$(cat "$work/out")" in "... has the content"
is "$(docker cp cp:/tmp/inside - | tar -tvf - --numeric-owner | awk '{ print $2 }')" 1000/1000 "... and docker's archive the owner"
docker exec cp sh -c 'echo fresh >/tmp/late'
is "$(docker cp cp:/tmp/late - | tar -xOf -)" fresh "cp out of a file that was just written"
docker exec cp sh -c 'mkdir /tree && mkdir /tree/a && echo 1 >/tree/a/1 && ln -s 1 /tree/a/link && ln /tree/a/1 /tree/a/hard'
docker cp cp:/tree "$work/tree"
is "$(cat "$work/tree/a/1") $(readlink "$work/tree/a/link")" "1 1" "cp out of a tree"
docker cp "$work/tree" cp:/again
is "$(docker exec cp sh -c 'cat /again/a/hard; stat -c %u /again/a')" $'1\n0' "cp in of a tree"
docker cp "$work/file" cp:/data/copied
is "$(docker exec cp cat /data/copied)" "from host" "cp in to a volume"
is "$(docker cp cp:/data/seed - | tar -xOf -)" seed "cp out of a volume"
### cp while the container plays tricks with what is copied
within() { DOCKER_CONFIG=$engine_cli timeout -k 1 "$1" "$engine_docker" -H "unix://$engine_socket" "${@:2}" </dev/null; }
mkdir "$work/tools" "$work/host"; cp "$top_builddir"/tests/lib/{attack,fusetrap} "$work/tools"
echo of the host >"$work/host/secret"
docker run -d --name tricks --privileged -v "$work/tools:/tools:ro" bb sh -c "mkdir -p /tmp/real /tmp/trap; mkfifo /tmp/fifo
	echo in >/tmp/real/secret; ln -s $work/host /tmp/link; ln -s $work/host /tmp/out; /tools/fusetrap /tmp/trap -1 -14 -15 & /tools/attack swap /tmp/real /tmp/link /tmp/stop; sleep 1000" >/dev/null
ok "(it plays them)" eventually 10 docker exec tricks sh -c 'grep -q " /tmp/trap " /proc/mounts'
ok "cp out of a pipe does not wait for who writes" within 10 cp tricks:/tmp/fifo "$work/fifo"
ok "nor into one for who reads" within 10 cp "$work/file" tricks:/tmp/fifo
ok "a FUSE file system of the container's own, which never answers, is not seen: cp out" within 10 cp tricks:/tmp/trap "$work/trap"
ok "... cp in" within 10 cp "$work/file" tricks:/tmp/trap/file
within 20 diff tricks >/dev/null 2>&1 # opens what it took for a directory, and now may be the link
like $? '^[01]$' "... diff"
ok "... export" within 30 export -o "$work/tar" tricks
read_out='' copies=0
for i in $(seq 80); do
	[ $copies -lt 3 ] || break
	out=$(within 10 cp tricks:/tmp/real/secret - 2>/dev/null | tar -xOf - 2>/dev/null) && [ -n "$out" ] && copies=$((copies + 1))
	[ "$out" != "of the host" ] || read_out=$out
	within 10 cp "$work/file" "tricks:/tmp/real/evil$i" 2>/dev/null
done
isnt $copies 0 "(some copies come through)"
is "$read_out" "" "a path that changes between a directory and a link leads cp to nothing of the host"
is "$(ls "$work/host")" secret "... nor writes it"
# At each cp Docker 20.10 mounts the container's volumes, on the host, by names that it has looked at before.
if engine_is_cloister && [ "${ENGINE_STORAGE:-overlay2}:${ENGINE_STORE:-}" = overlay2: ]; then
	fails 'symbolic links' "nobody of the host is led out of the engine's view by a name" \
		cat "$(docker inspect -f '{{.GraphDriver.Data.MergedDir}}' tricks)/tmp/out/secret"
fi
# Of archives the links' targets are names; a file of the host's would be in it with its text.
of_host() { tar -xOf "$1" 2>/dev/null | grep -ac 'of the host'; }
found=0 status=0
for i in 1 2 3 4 5; do # what vanishes under it is an error of the engine's, as with any runtime
	within 30 export -o "$work/tar" tricks 2>/dev/null && found=$((found + $(of_host "$work/tar"))) || status=$?
	# Not paused it reads the upper directory, beside the engine's view, while names change: doc/security.md
	within 30 commit tricks tricks:$i >/dev/null 2>&1 || { status=$?; continue; }
	docker run --rm tricks:$i grep -rs . /tmp >"$work/committed"
	found=$((found + $(grep -c 'of the host' "$work/committed")))
done
like "$status" '^[01]$' "export and commit end"
is "$found" 0 "and are not led there"
like "$(cat "$work/committed")" ':in$' "(its own file is in what is committed)"
docker exec -d tricks sh -c 'while :; do cat /tmp/trap/file & sleep 0.5; kill -9 $!; done'
ok "(a process waits that nothing stops)" eventually 10 docker exec tricks sh -c 'grep -q "^State:.D" /proc/[0-9]*/status'
within 30 commit tricks tricks:frozen >"$work/commit" 2>&1
isnt $? 124 "commit, which pauses it, ends ($(tail -c 150 "$work/commit"))"
ok "... and it goes on" within 10 exec tricks true
ok "logs, top and stats do not wait for it either" eval 'within 10 logs tricks >/dev/null && within 10 top tricks >/dev/null && within 10 stats --no-stream tricks >/dev/null'
ok "and it is removed" within 20 rm -f tricks
docker rmi -f tricks:1 tricks:2 tricks:3 tricks:4 tricks:5 tricks:frozen >/dev/null 2>&1

docker exec cp sh -c 'rm /owned/of-1000 && echo changed >>/owned/changed && chown 1000 /owned/fifo'
is "$(docker diff cp | grep -E '^D|owned/changed|tree$' | sort | tr '\n' ' ')" "A /tree C /owned/changed D /owned/of-1000 " "diff"
docker stop -t 0 cp >/dev/null
docker cp "$work/file" cp:/tmp/stopped
is "$(docker cp cp:/tmp/stopped - | tar -xOf -)" "from host" "cp to and from a stopped container"
is "$(docker diff cp | grep -c owned/removed)" 0 "diff of a stopped container"
docker start cp >/dev/null
is "$(docker exec cp cat /tmp/stopped)" "from host" "... which it sees when it runs"
is "$(docker exec cp stat -c '%u' /again)" 0 "owners after a restart"
is "$(docker exec cp stat -c '%u' /owned/fifo)" 1000 "... of what was changed, too"

### commit, export, import, save
docker commit cp committed >/dev/null
is "$(docker run --rm committed sh -c 'cat /tmp/file2; stat -c %u:%g /tmp/archive; ls /owned/of-1000 2>/dev/null')" \
	$'longer than before\n1000:1000' "commit"
is "$(docker export cp | tar -tvf - --numeric-owner | awk '$NF ~ /tmp\/(archive|file)$/ { print $2, $NF }' | sort | tr '\n' ' ')" \
	"0/0 tmp/file 1000/1000 tmp/archive " "export has the container's ids"
docker export cp | docker import - flat >/dev/null
is "$(docker run --rm flat /bin/stat -c %u:%g /tmp/archive /data)" $'1000:1000\n1000:1000' "import"
docker save committed | tar -xf - -C "$(mkdir "$work/saved" && echo "$work/saved")"
is "$(find "$work/saved" -type f -size +1k -exec tar -tvf {} --numeric-owner \; 2>/dev/null | awk '{ print $2 }' | tr / '\n' | sort -nu | awk '$1 > 65535')" "" "save holds no shifted id"
docker rm -f cp vf >/dev/null

### Setuid and file capabilities of an image
is "$(docker run --rm bb stat -c %a /bin/suid-id)" 4755 "a setuid bit of the image is kept"
like "$(docker run --rm --user user bb sh -c 'cp /bin/busybox /tmp/x && cd /tmp && ln -s /bin/cap-chown chown && touch mine && ./chown 0:0 mine; stat -c %u mine' 2>&1)" \
	'^0$' "a file capability of the image works"

### Nothing was chowned
layers >"$work/layers-after"
is "$(diff "$work/layers-before" "$work/layers-after" | head -n 5)" "" "no inode of the image's layers was changed"

### Builds
mkdir "$work/build"
cat >"$work/build/Dockerfile" <<'END'
FROM bb
ENV BUILT=yes
COPY --chown=1000:1000 file /copied
RUN cat /proc/self/uid_map >/uid_map && id -u >/id && touch /of-root && chown 1000:1000 /bin/attack
USER user
WORKDIR /home/made
RUN id -u >/tmp/user-id
CMD ["cat", "/uid_map"]
END
cp "$work/file" "$work/build/file"
build_checks() { # NAME IMAGE
	ask docker run --rm "$2" <<-'END'
		map: cat /uid_map
		ids: cat /id /tmp/user-id; id -u
		owners: stat -c '%u' /of-root /copied /bin/attack /tmp/user-id
		env: echo $BUILT; pwd
	END
	unlike "${said[map]}" '^ *0 +0 ' "isolation: RUN of a $1 build is in a user namespace"
	is "$(echo ${said[ids]})" "0 1000 1000" "$1 build: RUN and USER"
	is "$(echo ${said[owners]})" "0 1000 1000 1000" "$1 build: owners"
	is "$(echo ${said[env]})" "yes /home/made" "$1 build: ENV and WORKDIR"
}
if DOCKER_BUILDKIT=0 docker build -q -t classic "$work/build" >"$work/build.log" 2>&1; then
	build_checks classic classic
else
	fail "a classic build"; diag "$(tail -n 5 "$work/build.log")"
fi
is "$(DOCKER_BUILDKIT=0 docker build -q - 2>&1 <<<$'FROM bb\nRUN exit 3' | grep -c 'non-zero code: 3')" 1 "a build that fails says so"
docker rmi -f classic committed flat >/dev/null

done_testing
