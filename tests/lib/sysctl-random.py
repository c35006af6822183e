#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# sysctl-random.py SECONDS FILE STATE PREFIX ROOT ROOT
#
# Two containers raise and lower a shared sysctl at random, the host writes values of its own in between, and
# now and then one of them is killed with all of its helpers and made again. At each quiet moment the host has
# the larger of its own value and of what living containers ask for. Prints what was wrong; the last line is
# "own N": the host's own value at the end.
import json
import os
import random
import signal
import subprocess
import sys
import time

seconds, path, state, prefix, roots = float(sys.argv[1]), *sys.argv[2:5], sys.argv[5:]
random.seed(int(os.environ.get("SYSCTL_SEED", "4")))
made = 0
wrong = 0


def cloister(*args, **how):
    return subprocess.Popen(["cloister", "--root", state, *args], stdin=subprocess.DEVNULL, **how)


def host():
    with open(path) as f:
        return int(f.read())


def is_dead(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


class Container:
    def __init__(self, root):
        global made
        made += 1
        self.name, self.asked, self.root = f"{prefix}-{made}", 0, root
        log = open(f"{state}.{self.name}", "w")
        if cloister("launch", "--detach", "--name", self.name, "--rootfs", root, "--", "sleep", "1000",
                    stdout=log, stderr=log).wait():
            sys.exit("no container: " + open(log.name).read())

    def write(self):
        values = [random.randint(1, 2000) for _ in range(random.randint(1, 15))]
        self.asked = values[-1]
        return cloister("exec", self.name, "sh", "-c", "".join(f"echo {v} >{path};" for v in values))

    def kill(self):
        """Everything at once: stopped first, so that nobody sees another die."""
        text = cloister("status", "--json", self.name, stdout=subprocess.PIPE).communicate()[0]
        status = json.loads(text)
        status = status[0] if isinstance(status, list) else status
        pids = [h["pid"] for h in status["helpers"] if h["alive"]] + [status["pid"]]
        for sig in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                try:
                    os.kill(pid, sig)
                except ProcessLookupError:
                    pass
        end = time.time() + 5
        while not is_dead(status["pid"]) and time.time() < end:
            time.sleep(0.01)
        self.asked = 0

    def end(self):
        cloister("delete", "--force", self.name, stderr=subprocess.DEVNULL).wait()


def settle(what, own, containers):
    """A quiet moment: nobody writes, and what is on its way arrives."""
    global wrong
    want = max([own] + [c.asked for c in containers])
    end = time.time() + 5
    while host() != want and time.time() < end:
        time.sleep(0.02)
    if host() != want:
        wrong += 1
        print(what, "host", host(), "want", want, "own", own, [(c.name, c.asked) for c in containers])


def main():
    own = host()
    containers = [Container(root) for root in roots]
    end, rounds = time.time() + seconds, 0
    while time.time() < end:
        rounds += 1
        running = [c.write() for c in containers if random.random() < 0.8]
        for _ in range(random.randint(0, 4)):
            time.sleep(random.random() / 50)
            value = random.randint(100, 2500)
            if value != host():
                with open(path, "w") as f:
                    f.write(str(value))
                own = value
        for p in running:
            if p.wait():
                print("a write failed in round", rounds)
        settle(f"round {rounds}:", own, containers)
        if rounds % 7 == 0: # found by the next command, which here is the next container's start
            killed = containers.pop(random.randrange(2))
            killed.kill()
            containers.append(Container(killed.root))
            settle(f"round {rounds}, {killed.name} killed:", own, containers)
            killed.end()
    for c in containers:
        c.end()
    settle("at the end:", own, [])
    print(f"rounds {rounds}, containers {made}, {'WRONG' if wrong else 'right'}")
    print("own", own)


main()
