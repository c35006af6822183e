#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# views-props.py SECONDS PID:MEMORY-KB:CPUS…
#
# Reads the views of containers, by their first processes' pids, for so many seconds and checks what must
# hold of any machine's /proc: sums, counters that never run back, files that agree. Prints one line for each
# thing checked: OK or BAD, a tab, what, a tab, the first counter-example.
import os
import re
import sys
import time

HZ = os.sysconf("SC_CLK_TCK")


class Machine:
    def __init__(self, spec):
        self.pid, self.memory, self.cpus = (int(n) for n in spec.split(":"))
        self.root = f"/proc/{self.pid}/root"
        self.bad = {}
        self.checked = set()
        self.before = {}
        self.first = self.last = None

    def text(self, path):
        with open(self.root + path) as f:
            return f.read()

    def check(self, what, good, detail=""):
        self.checked.add(what)
        if not good:
            self.bad.setdefault(what, str(detail)[:200])

    def monotone(self, what, values):
        """A counter that was there before is not smaller now."""
        old = self.before.get(what, {})
        for key, value in values.items():
            self.check(f"{what}: counters never run back", value >= old.get(key, 0),
                       f"{key}: {old.get(key)} then {value}")
        self.before[what] = values

    def stat(self):
        rows = {}
        for line in self.text("/proc/stat").splitlines():
            name, *numbers = line.split()
            rows[name] = [int(n) for n in numbers]
        cpus = {n: v for n, v in rows.items() if re.fullmatch(r"cpu\d+", n)}
        self.check("stat: as many CPUs as the limit", len(cpus) == self.cpus, sorted(cpus))
        for i, total in enumerate(rows["cpu"]):
            parts = sum(v[i] for v in cpus.values())
            self.check("stat: the CPUs add up to the total", abs(total - parts) <= len(cpus), f"{total} {parts}")
        self.check("stat: sane", all(0 <= n < 2**40 for v in cpus.values() for n in v), rows["cpu"])
        self.monotone("stat", {f"{n}.{i}": x for n, v in rows.items() for i, x in enumerate(v)
                               if n.startswith("cpu") or n in ("ctxt", "processes")})
        if "procs_running" in rows:
            self.check("stat: somebody runs", rows["procs_running"][0] >= 0)
        return rows

    def meminfo(self):
        m = {k: int(v.split()[0]) for k, v in (l.split(":") for l in self.text("/proc/meminfo").splitlines())}
        self.check("meminfo: MemTotal is the limit", m["MemTotal"] == self.memory, m["MemTotal"])
        for k in ("MemFree", "MemAvailable", "Cached", "AnonPages", "Active", "Inactive", "Shmem", "Mapped"):
            self.check(f"meminfo: {k} is not above MemTotal", 0 <= m.get(k, 0) <= m["MemTotal"], m.get(k))
        for a, b, c in (("Active", "Active(anon)", "Active(file)"), ("Inactive", "Inactive(anon)", "Inactive(file)"),
                        ("Slab", "SReclaimable", "SUnreclaim")):
            self.check(f"meminfo: {a} = {b} + {c}", abs(m[a] - m[b] - m[c]) <= 8, (m[a], m[b], m[c]))
        self.check("meminfo: SwapFree is not above SwapTotal", m["SwapFree"] <= m["SwapTotal"], m["SwapFree"])
        swaps = self.text("/proc/swaps").splitlines()[1:]
        self.check("swaps agree with SwapTotal", sum(int(l.split()[2]) for l in swaps) == m["SwapTotal"], swaps)
        return m

    def uptime(self):
        now = time.time()
        up, idle = (float(n) for n in self.text("/proc/uptime").split())
        self.monotone("uptime", {"up": up, "idle": idle})
        self.check("uptime: idle is not above CPUs x uptime", idle <= self.cpus * up + 0.1, (up, idle))
        return now, up

    def loadavg(self):
        one, five, fifteen, tasks, last = self.text("/proc/loadavg").split()
        running, total = (int(n) for n in tasks.split("/"))
        self.check("loadavg: running is not above total", running <= total, tasks)
        self.check("loadavg: not above the number of tasks", max(float(one), float(five)) <= total + 1, (one, total))
        return float(one)

    def others(self):
        """Files that another view may still have to serve: masked ones are empty, and say nothing."""
        for line in self.text("/proc/diskstats").splitlines():
            name, *n = line.split()[2:]
            self.monotone("diskstats", {f"{name}.{i}": int(x) for i, x in enumerate(n) if i in (0, 2, 4, 6)})
        counters = {}
        for line in self.text("/proc/vmstat").splitlines():
            key, value = line.split()
            if key.startswith(("pg", "pswp")):
                counters[key] = int(value)
        self.monotone("vmstat", counters)
        for kind in ("cpu", "memory", "io"):
            if os.path.exists(f"{self.root}/proc/pressure/{kind}"):
                text = self.text(f"/proc/pressure/{kind}")
                self.monotone(f"pressure/{kind}", {l.split()[0]: int(l.rsplit("=", 1)[1]) for l in text.splitlines()})
        for name in ("interrupts", "softirqs"):
            lines = self.text(f"/proc/{name}").splitlines()
            if lines:
                self.check(f"{name}: a column for each CPU", len(lines[0].split()) == self.cpus, lines[0])
                values = {}
                for line in lines[1:]:
                    key, *numbers = line.split()
                    values.update({f"{key}{i}": int(n) for i, n in enumerate(numbers[:self.cpus]) if n.isdigit()})
                self.monotone(name, values)

    def agreement(self):
        n = len(re.findall(r"^processor\s*:", self.text("/proc/cpuinfo"), re.M))
        self.check("cpuinfo: as many CPUs as the limit", n == self.cpus, n)
        online = self.text("/sys/devices/system/cpu/online").strip()
        count = sum(int(p.split("-")[-1]) - int(p.split("-")[0]) + 1 for p in online.split(","))
        self.check("online: as many CPUs as the limit", count == self.cpus, online)

    def sample(self):
        rows, (now, up) = self.stat(), self.uptime()
        self.check("btime + uptime is now", abs(rows["btime"][0] + up - now) <= 1.5, (rows["btime"], up, now))
        self.meminfo()
        load = self.loadavg()
        self.others()
        self.agreement()
        self.last = (up, rows["cpu"], load)
        self.first = self.first or self.last

    def over_time(self):
        """What was counted in the time that passed."""
        passed = self.last[0] - self.first[0]
        spent = [b - a for a, b in zip(self.first[1], self.last[1])]
        self.check("stat: busy and idle add up to the time that passed, on each CPU",
                   abs(sum(spent[:8]) / HZ - self.cpus * passed) <= 0.15 * self.cpus * passed + 0.3,
                   (spent, passed, self.cpus))
        return (sum(spent[:3]) + sum(spent[5:8])) / HZ / passed


def main():
    seconds, machines = float(sys.argv[1]), [Machine(s) for s in sys.argv[2:]]
    end, samples = time.time() + seconds, 0
    while time.time() < end:
        for m in machines:
            m.sample()
        samples += 1
        time.sleep(0.03)
    for i, m in enumerate(machines):
        busy = m.over_time()
        print(f"BUSY\t{i}\t{busy:.3f}")
        for what in sorted(m.checked):
            print(f"{'BAD' if what in m.bad else 'OK'}\tcontainer {i + 1}: {what}\t{m.bad.get(what, '')}")
    print(f"SAMPLES\t{samples}\t")


main()
