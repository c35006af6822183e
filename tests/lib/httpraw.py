#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends bytes to a Unix socket and prints what comes back: httpraw.py SOCKET [SECONDS] <bytes with \\r \\n \\0 escapes

Each line of standard input is sent as one piece, after its escapes were read; then nothing more is sent, and what
comes until the end, or for SECONDS (2), is printed.

    httpraw.py --plain SOCKET            standard input is sent as it is
    httpraw.py --websocket SOCKET PATH   says "ws" to what attaches there
    httpraw.py --many SOCKET N           N requests, each on its own connection, beside a hijacked one
"""
import socket
import sys

how = sys.argv.pop(1) if sys.argv[1].startswith("--") else ""


def connect(seconds=2.0):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(sys.argv[1])
    s.settimeout(seconds)
    return s


def until_end(s, enough=None):
    out = b""
    try:
        while not enough or enough not in out:
            data = s.recv(65536)
            if not data:
                return out + b"<end>"
            out += data
    except OSError:
        out += b"<open>"
    return out


def show(out):
    sys.stdout.buffer.write(out.replace(b"\r\n", b"\n") + b"\n")


def websocket():
    s = connect(5)
    s.sendall(b"GET " + sys.argv[2].encode() + b" HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
              b"Origin: http://d\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    out = until_end(s, b"\r\n\r\n")
    s.sendall(b"\x81\x83\0\0\0\0ws\n")  # one text frame with a mask of zeros
    show(out + until_end(s, b"got ws"))


def many():
    """The answers of all have to come, also of those whose number would be the hijacked one's."""
    ping = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
    kept = connect()
    body = b'{"Image":"bb","Cmd":["sleep","1000"],"OpenStdin":true,"HostConfig":{"NetworkMode":"none"}}'
    head = b"POST /containers/create?name=many HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    kept.sendall(head % len(body) + body)
    kept.settimeout(20)
    until_end(kept, b"}\n")
    kept.sendall(b"POST /containers/many/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
    if b"101" not in until_end(kept, b"\r\n\r\n"):
        sys.exit("no attach")
    for i in range(int(sys.argv[2])):
        s = connect(5)
        s.sendall(ping)
        if b"200 OK" not in until_end(s, b"\r\n\r\n"):
            sys.exit("client %d has no answer" % i)
        s.close()
    s = connect(10)
    s.sendall(b"DELETE /containers/many?force=1 HTTP/1.1\r\nHost: d\r\n\r\n")
    until_end(s, b"\r\n\r\n")


def lines():
    s = connect(float(sys.argv[2]) if len(sys.argv) > 2 else 2)
    text = sys.stdin.buffer.read()
    try:
        for line in [text] if how else text.splitlines():
            s.sendall(line if how else line.decode("unicode_escape").encode("latin-1"))
    except OSError:
        pass
    show(until_end(s))


{"--websocket": websocket, "--many": many}.get(how, lines)()
