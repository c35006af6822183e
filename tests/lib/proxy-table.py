#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""proxy-table.py COMMANDS.C PAGE: what the table of cloister-sockproxy(8) and that of the program do not agree in."""
import re
import sys


def of_program(text):
    blocked, opened = {}, {}
    for method, path, blocks, opens in re.findall(r'\{ "([A-Z]+)", "([^"]*)", "([^"]*)", "([^"]*)",', text):
        path = "/" + path.replace("*", "ID")
        if path == "/images/create":
            path += "?fromSrc" if blocks == "import" else "?fromImage"
        for names, table in (blocks, blocked), (opens, opened):
            for name in filter(None, names.split("|")):
                table.setdefault(name, set()).add(f"{method} {path}")
    return {name: (blocked.get(name, set()), opened.get(name, set())) for name in {*blocked, *opened}}


def of_page(text):
    section = text.replace("\\-", "-").split(".SH COMMANDS")[1].split(".SH LIMITS")[0]
    table = {}
    for entry in section.split(".TP\n.B ")[1:]:
        name, body = entry.split("\n", 1)
        table[name] = tuple(set(re.findall(r"[A-Z]+ /[^,\s]*", part)) for part in (body + ".IR allow :").split(".IR allow :")[:2])
    return table


program, page = of_program(open(sys.argv[1]).read()), of_page(open(sys.argv[2]).read())
if len(program) < 40:
    sys.exit("no table in " + sys.argv[1])
for name in sorted({*program, *page}):
    if program.get(name) != page.get(name):
        print(f"{name}: program {program.get(name)}, page {page.get(name)}")
