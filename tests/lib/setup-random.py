# SPDX-License-Identifier: Apache-2.0
"""setup-random.py CLOISTER PROGRAM WORK SEED COUNT

Random documents for `cloister docker-setup`: what json reads afterwards is what it read before and our
entry, in the old order; --undo gives the old bytes back, or after an edit of somebody else the old
document and that edit. Prints what went wrong, and "COUNT documents" if nothing did.
"""
import json
import os
import random
import subprocess
import sys

cloister, program, work, seed, count = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
random.seed(seed)
folder = os.path.join(work, "random")
os.makedirs(folder, exist_ok=True)
path = os.path.join(folder, "daemon.json")
units = os.path.join(work, "random-units")
VALUES = ["1", "1.50", "-0", "1e5", "true", "null", '"x"', '"}{\\"\\\\"', '"\\u00e9[,"', '""']
NAMES = ["a", "b", "c\\u0064", 'q\\"', "runtimes2", "\u00e9"]


def space():
    return random.choice(["", "", " ", "\n", "\t", "\r\n", "\n  "])


def value(depth):
    kind = random.randrange(9)
    if kind < 2 or depth > 3:
        return random.choice(VALUES)
    if kind < 5:
        items = [value(depth + 1) for _ in range(random.randrange(3))]
        return "[" + space() + (space() + "," + space()).join(items) + space() + "]"
    return document(depth + 1)


def document(depth, extra=()):
    members = [(n, value(depth)) for n in random.sample(NAMES, random.randrange(4))] + list(extra)
    random.shuffle(members)
    items = ['"%s"%s:%s%s' % (n, space(), space(), v) for n, v in members]
    return "{" + space() + (space() + "," + space()).join(items) + space() + "}"


def maybe(member):
    return [member] if random.random() < 0.5 else []


def write(text):
    with open(path, "w", newline="", encoding="utf-8") as f:
        f.write(text)


def read():
    with open(path, newline="", encoding="utf-8") as f:
        return f.read()


def setup(*options):
    command = [cloister, "docker-setup", "--config", path, "--systemd-dir", units, "--program", program,
               "--enforce-dir", os.path.join(work, "enforce"), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr if done.returncode else None


def expected(text):
    d = json.loads(text)
    d.setdefault("runtimes", {})["cloister"] = {"path": program}
    d["default-runtime"] = "cloister"
    d.setdefault("builder", {}).setdefault("entitlements", {}).update(
        {"network-host": False, "security-insecure": False})
    return d


def check(text):
    """Return what is wrong with @text's way there and back, or None."""
    write(text)
    error = setup("--default", "--enforce")
    if error:
        return error
    after = json.loads(read())
    if after != expected(text):
        return "entered: %r" % read()
    if [k for k in after if k in json.loads(text)] != list(json.loads(text)):
        return "order: %r" % read()
    edited = random.random() < 0.5
    if edited:
        after["zz"] = 1
        write(json.dumps(after, indent=random.choice([None, 1, 2])))
    error = setup("--undo")
    if error:
        return error
    if edited and json.loads(read()) != {**json.loads(text), "zz": 1}:
        return "undone after an edit: %r" % read()
    if not edited and read() != text:
        return "undone: %r" % read()
    return None if os.listdir(folder) == ["daemon.json"] else "left: %s" % os.listdir(folder)


good = 0
for _ in range(count):
    entitlements = maybe(("entitlements", document(2, maybe(("network-host", "true")))))
    extra = maybe(("runtimes", document(1, maybe(("kata", '{"path": "/x"}'))))) + \
        maybe(("default-runtime", '"kata"')) + maybe(("builder", document(1, entitlements)))
    text = random.choice(["", " ", "\n"]) + document(0, extra) + random.choice(["", "\n", " \n\n"])
    wrong = check(text)
    if wrong:
        print("%r\n  %s" % (text, wrong))
    good += wrong is None
print("%d documents" % good)
