#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A terminal on stdin: the container gets one of its own, and the host's is out of reach.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
root=$work/root
make_root "$root"
need_containers --rootfs "$root"
on_terminal() { python3 "$tests_lib/terminal.py" "$@" </dev/null 2>&1; }
c="$(type -P cloister)"
run=("$c" --root "$state" launch --rootfs "$root")
said() { sed -n "s/^$1 //p" <<<"$out" | tail -n 1; }
# On how many file systems what was asked about lies: the host's terminals have names like the container's.
own_devpts() { grep -o '^DEVPTS [0-9]*' <<<"$out" | sort -u | wc -l; }

# The instrument first: on a bare pty TIOCSTI works or the kernel refuses it everywhere.
out=$(on_terminal expect:ready -- sh -c "echo ready; sleep 0.2")
is "$(said STATUS)" 0 "(the instrument works)"

out=$(on_terminal -- "${run[@]}" -- sh -c 'tty; ls /dev/pts; ps -o pid,sid,tty 2>/dev/null; stat -L -c "DEVPTS %d" /proc/self/fd/0 /dev/pts/ptmx')
is "$(said STATUS)" 0 "a command on a terminal ends well"
like "$out" '^/dev/pts/[0-9]+$|^/dev/console$' "it has a terminal that has a name inside"
is "$(own_devpts)" 1 "of the container's own devpts"
is "$(said TTY | awk '{ print ($1 == $2) }')" 1 "the host's terminal keeps owner and mode"
is "$(said MODES)" restored "and its modes are restored"

out=$(on_terminal -- "${run[@]}" -- sh -c 'attack push-tty "echo pushed"; echo "push $?"')
is "$(said TYPED)" "''" "TIOCSTI from inside reaches nothing of the host's terminal" || diag "$out"
out=$(on_terminal -- "${run[@]}" --privileged -- sh -c 'attack push-tty "echo pushed"; echo "push $?"')
is "$(said TYPED)" "''" "nor with --privileged" || diag "$out"
out=$(on_terminal -- sh -c "$(printf '%q ' "${run[@]}") -- attack push-tty 'echo pushed' </dev/null; true")
is "$(said TYPED)" "''" "nor with the terminal on stdout and stderr only" || diag "$out"
out=$(on_terminal -- sh -c "$(printf '%q ' "${run[@]}") -- attack push-tty 'echo pushed' 2>/dev/null </dev/null | cat; true")
is "$(said TYPED)" "''" "nor with the terminal only as the controlling one" || diag "$out"
out=$(on_terminal -- sh -c "$(printf '%q ' "${run[@]}") -- sh -c 'stat -L -c \"DEVPTS %d\" /proc/self/fd/1 /proc/self/fd/2 /dev/pts/ptmx' </dev/null; true")
is "$(own_devpts)" 1 "a terminal on stdout only is one of the container's too" || diag "$out"

out=$(on_terminal expect:started 'type:\x03' -- "${run[@]}" -- sh -c 'trap "echo got-int; exit 9" INT; echo started; while :; do sleep 0.1; done')
like "$out" 'got-int' "Ctrl-C is a signal inside"
is "$(said STATUS)" 9 "and the command decides"
# Before there is anything to be seen, at whatever point the launch is: it ends, and blames nobody.
early=
for ms in $(seq 1 4 90); do
	out=$(on_terminal expect:go "sleep:0.0$(printf %02d "$ms")" 'type:\x03' -- sh -c 'echo go; exec "$@"' sh "${run[@]}" -- sleep 100)
	case $(said STATUS) in 130 | -2) ;; *) early+=" $ms ms: $(tr '\n' ' ' <<<"$out")" ;; esac
done
is "$early" "" "an early Ctrl-C ends a launch as a Ctrl-C"
out=$(on_terminal expect:started 'type:\x03' -- "${run[@]}" -- sh -c 'echo started; sh -c "sleep 100"; echo "inner $?"; exit 4')
is "$(said STATUS)" 130 "Ctrl-C ends the programs in the foreground, as in any shell"

out=$(on_terminal -s 31x97 -- "${run[@]}" -- stty size)
like "$out" '^31 97' "the size is handed on"
out=$(on_terminal -s 24x80 expect:started resize:40x132 -- "${run[@]}" -- sh -c 'trap "stty size; exit 0" WINCH; echo started; while :; do sleep 0.1; done')
like "$out" '^40 132' "a resize is seen inside, with its signal"

out=$(on_terminal expect:'# ' 'type:echo $((40 + 2))\n' expect:42 'type:exit 6\n' -- "${run[@]}" --env PS1='# ' -- sh -i)
is "$(said STATUS)" 6 "an interactive shell" || diag "$out"
out=$(on_terminal 'type:a line\n' -- "${run[@]}" -- sh -c 'read -r x; echo "read <$x>"')
like "$out" 'read <a line>' "what was typed early is not lost"
out=$(on_terminal expect:ready 'type:\x04' -- "${run[@]}" -- sh -c 'echo ready; cat; echo eof')
like "$out" '^eof' "Ctrl-D is end of file"

# Output to a pipe while stdin is a terminal stays a pipe.
out=$(on_terminal -- sh -c "$(printf '%q ' "${run[@]}") -- sh -c 'test -t 1 && echo tty || echo pipe' | cat")
like "$out" '^pipe' "stdout to a pipe stays a pipe"

### exec and --tty
name=$(cname term)
launch_detached "$name" --rootfs "$root" -- sleep 1000
out=$(on_terminal -- "$c" --root "$state" exec "$name" sh -c 'tty; attack push-tty "echo pushed"; true')
like "$out" '^/dev/pts/[0-9]+' "exec on a terminal has one of the container's"
is "$(said TYPED)" "''" "and TIOCSTI reaches nothing"
out=$(on_terminal expect:started 'type:\x03' -- "$c" --root "$state" exec "$name" sh -c 'trap "exit 8" INT; echo started; while :; do sleep 0.1; done')
is "$(said STATUS)" 8 "Ctrl-C through exec"
is "$(cloister exec --tty "$name" sh -c 'test -t 0 && test -t 1 && echo tty' </dev/null | tr -d '\r')" tty "exec --tty without a terminal makes one"
# Whose terminal is slow would wait for ever, in raw mode, and no signal is heard any more.
slow='import os, time
while os.read(0, 4096): time.sleep(0.03)'
timeout -k 1 10 "$c" --root "$state" exec --tty "$name" attack leave-flood </dev/null 2>&1 | python3 -c "$slow"
is "${PIPESTATUS[0]}" 0 "who stays and goes on writing to the terminal does not keep the caller"
cloister delete --force "$name"
is "$(launch --rootfs "$root" --tty -- sh -c 'test -t 0 && test -t 1 && echo tty' </dev/null | tr -d '\r')" tty "launch --tty without a terminal makes one"
# The end of a file stays, also on a terminal, which forgets it with the first read and with each prompt.
is "$(timeout -k 1 20 cloister --root "$state" launch --rootfs "$root" --tty -- sh -c 'read a; echo 1; read b; echo 2; sh -i; echo 3; cat; echo 4' </dev/null |
	tr -d '\r' | grep -x '[0-9]' | tr '\n' ' ')" "1 2 3 4 " "launch --tty </dev/null: the end of the input stays, for each who reads"

### A terminal that those inside hurt as they can, and then leave alone: nobody outside is kept busy, nor any larger
hurt='trap "" 1 2 3 10 12 14 20 21 22 23 29; echo begin; sleep 0.5; attack hurt-tty 1500; stty sane; echo; echo qui""et; sleep 1.5; exit 7'
closed='echo begin; exec 0<&- 1>&- 2>&-; sleep 2.5; exit 7'
idle() { # DESCRIPTION: each look found the program with little to do
	is "$(said STATUS) $(said MODES) $(said TYPED)" "7 restored ''" "$1: it ends as ever" || diag "$(tail -c 500 <<<"$out")"
	is "$(awk '$1 == "WORK" { n++; if ($2 > 300 || $3 > 8192) bad = bad $0 } END { print n bad }' <<<"$out")" "$2" "$1: it has nothing to do" || diag "$(grep -a ^WORK <<<"$out")"
}
name=$(cname hurt)
launch_detached "$name" --rootfs "$root" --tty -- sh -c "${hurt%sleep*} sleep 1000"
warden=$(cloister status --json "$name" | json 'next(h["pid"] for h in d["helpers"] if h["name"] == "cloister-warden")')
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$warden/stat"; }
for how in launch "launch --privileged" exec; do
	with=("${run[@]}" --tty)
	[ "$how" = launch ] || with+=(--privileged)
	[ "$how" != exec ] || with=("$c" --root "$state" exec --tty "$name")
	[ "$how" != exec ] || launch_detached "$name" --rootfs "$root" -- sleep 1000
	out=$(on_terminal -t 30 expect:begin 'type:abc\x03\x11\n' expect:quiet 'type:abc' work:0.5 'type:\x04' resize:3x3 work:0.5 -- "${with[@]}" -- sh -c "$hurt" | tr -d '\000')
	idle "$how, hurt" 2
	out=$(on_terminal -t 30 expect:begin 'type:abc' work:0.5 'type:\x04abc' resize:3x3 work:0.5 -- "${with[@]}" -- sh -c "$closed" | tr -d '\000')
	idle "$how, closed by all" 2
	if [ "$how" = launch ]; then # the detached one's hurt is over
		was=$(ticks); sleep 0.5
		below "$(($(ticks) - was))" 15 "the warden of a detached one has nothing to do" # of 50
		cloister delete --force "$name"
	fi
done
cloister delete --force "$name"

# The terminal goes away: so does the container.
out=$(on_terminal -t 10 expect:started hangup: -- "${run[@]}" --name "$(cname hup)" -- sh -c 'echo started; sleep 1000')
cloister delete --force "$(cname hup)" >/dev/null 2>&1
unlike "$out" "PROBLEM" "a hangup ends the launcher"
done_testing
