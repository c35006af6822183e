#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# taint.py compare A B ALLOW       two dumps of lib/taint.c: every byte that differs is on the list
# taint.py secrets DUMP FACTS      no fact of the host occurs in the dump
#
# Prints what is wrong, one a line, and exits 1; else exits 0. The list has one rule a line,
#
#     any      PATH-REGEX :: TEXT-REGEX :: reason     lines that may differ, or be in one dump only
#     max=N    PATH-REGEX :: TEXT-REGEX :: reason     likewise, if no number in them is above N
#     as       PATH-REGEX :: TEXT-REGEX :: reason     what of a line is not compared
#
# The path of a system call's result may be CALL or CALL.FIELD.
import argparse
import re
import sys
from collections import defaultdict


def read_dump(path):
    dump = defaultdict(list)
    with open(path, encoding="utf-8", errors="backslashreplace") as f:
        for line in f:
            where, key, text = (line.rstrip("\n").split("\t", 2) + ["", ""])[:3]
            # Lines of a file are compared by their order, names in a directory as a set.
            dump[where, "line" if key.isdigit() else key].append(text)
    return dump


class Rule:
    def __init__(self, line, number):
        head, self.text, self.reason = (p.strip() for p in line.split(" :: "))
        self.kind, path = head.split(None, 1)
        self.path, self.text = re.compile(path), re.compile(self.text)
        self.max = float(self.kind[4:]) if self.kind.startswith("max=") else None
        if self.max is None and self.kind not in ("any", "as"):
            sys.exit(f"rule {number}: what is {self.kind}?")
        if not self.reason:
            sys.exit(f"rule {number}: no reason")
        self.used = 0

    def allows(self, texts):
        for text in texts:
            if text is None:
                continue
            if not self.text.fullmatch(text):
                return False
            numbers = re.findall(r"(?<![\w.-])-?\d+(?:\.\d+)?", text)
            if self.max is not None and any(abs(float(n)) > self.max for n in numbers):
                return False
        return True


def read_rules(path):
    with open(path, encoding="utf-8") as f:
        lines = [(n, l.strip()) for n, l in enumerate(f, 1)]
    return [Rule(l, n) for n, l in lines if l and not l.startswith("#")]


def pairs(key, a, b):
    if key == "names":
        a, b = sorted(set(a)), sorted(set(b))
        return [(n, None) for n in a if n not in b] + [(None, n) for n in b if n not in a]
    n = max(len(a), len(b))
    return list(zip(a + [None] * (n - len(a)), b + [None] * (n - len(b))))


def compare(args):
    a, b = read_dump(args.a), read_dump(args.b)
    rules = read_rules(args.allow)
    wrong = 0
    if min(len(a), len(b)) < args.least:
        print(f"dumps of {len(a)} and {len(b)} facts are none")
        return 1
    for where, key in sorted(set(a) | set(b)):
        mine = [r for r in rules if r.path.fullmatch(where) or r.path.fullmatch(f"{where}.{key}")]
        for pair in pairs(key, a.get((where, key), []), b.get((where, key), [])):
            if pair[0] == pair[1]:
                continue
            same = list(pair)
            for rule in (r for r in mine if r.kind == "as"):
                same = [t if t is None else rule.text.sub("#", t) for t in same]
            if same[0] == same[1]:
                continue
            if any(r.kind != "as" and r.allows(pair) for r in mine):
                continue
            wrong += 1
            if wrong <= args.most:
                print(f"{where} ({key}): {show(pair[0])} | {show(pair[1])}")
    if wrong > args.most:
        print(f"… {wrong} lines in all")
    return wrong


def show(text):
    return "absent" if text is None else text[:150]


def secrets(args):
    with open(args.dump, encoding="utf-8", errors="backslashreplace") as f:
        lines = f.readlines()
    wrong = 0
    with open(args.facts, encoding="utf-8") as f:
        for fact in f:
            name, value = fact.rstrip("\n").split("\t", 1)
            for line in lines:
                if value and value in line:
                    wrong += 1
                    print(f"{name} {value}: {line.rstrip()[:200]}")
    return wrong


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    c = commands.add_parser("compare")
    c.add_argument("a")
    c.add_argument("b")
    c.add_argument("allow")
    c.add_argument("--least", type=int, default=300)
    c.add_argument("--most", type=int, default=100)
    c.set_defaults(run=compare)
    c = commands.add_parser("secrets")
    c.add_argument("dump")
    c.add_argument("facts")
    c.set_defaults(run=secrets)
    args = parser.parse_args()
    sys.exit(1 if args.run(args) else 0)


main()
