#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A person at a terminal: runs a command on a pty of its own, types, resizes, reads the screen.

terminal.py [-s ROWSxCOLS] [-t SECONDS] STEP... -- COMMAND ARG...

STEP: expect:REGEX  type:TEXT (\\n, \\x03 as in C)  resize:ROWSxCOLS  sleep:SECONDS  hangup:
work:SECONDS prints WORK with the milliseconds of CPU that the command itself takes meanwhile, and its KiB of memory.
Prints what came on the screen; the last lines are STATUS n, TTY uid:gid:mode before and after, and
TYPED: what stands in the terminal's input unread (something that TIOCSTI put there, for example).
"""
import fcntl, os, pty, re, select, signal, struct, sys, termios, time

def main():
    args = sys.argv[1:]
    cut = args.index("--")
    steps, command = args[:cut], args[cut + 1:]
    size, limit = "24x80", 20.0
    while steps and steps[0] in ("-s", "-t"):
        if steps[0] == "-s": size = steps[1]
        else: limit = float(steps[1])
        steps = steps[2:]

    master, slave = pty.openpty()
    name = os.ttyname(slave)
    def resize(text):
        rows, cols = map(int, text.split("x"))
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
    def owner():
        st = os.stat(name)
        return "%d:%d:%o" % (st.st_uid, st.st_gid, st.st_mode & 0o7777)
    resize(size)
    before = owner()
    modes = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.close(master)
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2): os.dup2(slave, fd)
        if slave > 2: os.close(slave)
        # Ignored where whoever runs the tests is in the background; never of a person's shell.
        for sig in (signal.SIGINT, signal.SIGQUIT): signal.signal(sig, signal.SIG_DFL)
        os.execvp(command[0], command)

    screen, end = b"", time.time() + limit
    def read_some(wait):
        nonlocal screen
        if select.select([master], [], [], wait)[0]:
            try: screen += os.read(master, 65536)
            except OSError: return
    def usage():
        with open("/proc/%d/stat" % pid) as f: stat = f.read().rpartition(")")[2].split()
        with open("/proc/%d/status" % pid) as f: rss = re.search(r"RssAnon:\s+(\d+)", f.read())
        return (int(stat[11]) + int(stat[12])) * 1000 // os.sysconf("SC_CLK_TCK"), rss.group(1) if rss else "0"
    notes = []
    seen, problem = 0, None
    for step in steps:
        kind, _, text = step.partition(":")
        if kind == "expect":
            want = re.compile(text.encode())
            while True:
                hit = want.search(screen, seen)
                if hit:
                    seen = hit.end()
                    break
                if time.time() > end:
                    problem = "never saw " + text
                    break
                read_some(0.05)
            if problem: break
        elif kind == "type": os.write(master, text.encode().decode("unicode_escape").encode("latin1"))
        elif kind == "resize": resize(text)
        elif kind == "sleep": time.sleep(float(text))
        elif kind == "work":
            was, stop = usage()[0], time.time() + float(text)
            while time.time() < stop: read_some(0.05)
            notes.append("WORK %d %s" % (usage()[0] - was, usage()[1]))
        elif kind == "hangup": os.kill(pid, signal.SIGHUP)
    status = None
    while status is None and not problem:
        read_some(0.05)
        done, st = os.waitpid(pid, os.WNOHANG)
        if done: status = st
        elif time.time() > end: problem = "did not end"
    if status is None:
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
    for _ in range(5): read_some(0.02)
    sys.stdout.write(screen.decode("utf8", "replace").replace("\r\n", "\n"))
    print()
    for note in notes: print(note)
    if problem: print("PROBLEM", problem)
    print("STATUS", os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
    print("TTY", before, owner())
    print("MODES", "restored" if termios.tcgetattr(slave) == modes else "changed")
    raw = termios.tcgetattr(slave)
    raw[3] &= ~(termios.ICANON | termios.ECHO)
    raw[6][termios.VMIN], raw[6][termios.VTIME] = 0, 0
    termios.tcsetattr(slave, termios.TCSANOW, raw)
    print("TYPED", repr(os.read(slave, 4096).decode("utf8", "replace")))

main()
