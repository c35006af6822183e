#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends bytes to a Unix socket and prints what comes back: httpraw.py SOCKET [SECONDS] <bytes with \\r \\n \\0 escapes

Each line of standard input is sent as one piece, after its escapes were read; then nothing more is sent, and what
comes until the end, or for SECONDS (2), is printed.
"""
import socket
import sys

s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(sys.argv[1])
s.settimeout(float(sys.argv[2]) if len(sys.argv) > 2 else 2)
try:
    for line in sys.stdin.buffer.read().splitlines():
        s.sendall(line.decode("unicode_escape").encode("latin-1"))
except OSError:
    pass
out = b""
try:
    while True:
        data = s.recv(65536)
        if not data:
            out += b"<end>"
            break
        out += data
except OSError:
    out += b"<open>"
sys.stdout.buffer.write(out.replace(b"\r\n", b"\n") + b"\n")
