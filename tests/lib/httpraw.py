#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends bytes to a Unix socket and prints what comes back: httpraw.py SOCKET [WORD] <bytes with \\r \\n \\0 escapes

Each line of standard input is sent as one piece, after its escapes were read; then nothing more is sent, and what
comes until the end, or until it has WORD, is printed; not more than two seconds after the last.

    httpraw.py --plain SOCKET            standard input is sent as it is
    httpraw.py --websocket SOCKET PATH   says "ws" to what attaches there
    httpraw.py --table SOCKET            each line on a connection of its own, all at once; the statuses that each heard
    httpraw.py --repeat SOCKET           the same again and again on one connection, in one piece and in two; then another
    httpraw.py --kept SOCKET             says the same twice and, for each line of standard input, again
    httpraw.py --slow SOCKET PATH        asks for that four times and does not read at once; are the answers the same?
    httpraw.py --many SOCKET N           N requests, each on its own connection, beside a hijacked one
"""
import concurrent.futures
import re
import socket
import sys
import time

how = sys.argv.pop(1) if sys.argv[1].startswith("--") else ""


def connect(seconds=2.0):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(sys.argv[1])
    s.settimeout(seconds)
    return s


def until_end(s, enough=None, quiet=None):
    """Also until nothing more has come for a while, once something has: what answers does so at once."""
    out = b""
    try:
        while not enough or enough not in out:
            data = s.recv(65536)
            if quiet:
                s.settimeout(quiet)
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


def repeat():
    """Prints the status of each answer."""
    ping = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
    other = b"POST /commit?container=a HTTP/1.1\r\nHost: d\r\n\r\n"
    s = connect(10)
    said = []
    for pieces, answers in [[ping], 1], [[ping], 1], [[ping], 1], [[ping], 1], [[ping[:20], ping[20:]], 1], [[ping], 1], [[ping], 1], \
            [[ping + ping], 2], [[ping], 1], [[ping], 1], [[ping], 1], [[ping, ping, ping], 3], [[ping + other], 2]:
        for piece in pieces:
            s.sendall(piece)
            time.sleep(0.02)  # seen alone; if it is not, the answers are the same
        out = b""
        while out.count(b"HTTP/1.1 ") < answers or not out.endswith((b"OK", b"}\n")):
            data = s.recv(65536)
            if not data:
                break
            out += data
        said += [status.decode() for status in re.findall(rb"HTTP/1\.1 (\d+) ", out)]
    print(*said)


def kept():
    s = connect(10)
    for line in ["", ""] + [None] * 100:
        if line is None and not sys.stdin.readline():
            return
        s.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")
        print("".join(re.findall(r"HTTP/1.1 (\d+)", until_end(s, b"OK").decode())), flush=True)


def slow():
    s = connect(10)
    got = []
    for _ in range(4):
        s.sendall(b"GET " + sys.argv[2].encode() + b" HTTP/1.1\r\nHost: d\r\n\r\n")
        time.sleep(0.1)  # what is sent meanwhile does not fit in the socket
        got.append(until_end(s, b"\r\n0\r\n\r\n").partition(b"\r\n\r\n")[2])
    print("the same" if len(set(got)) == 1 else "differ", len(got[0]) > 1 << 20)


def table():
    def one(line):
        s = connect(10)
        try:
            s.sendall(line.decode("unicode_escape").encode("latin-1"))
        except OSError:
            pass
        return until_end(s, quiet=2)

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        for out in pool.map(one, sys.stdin.buffer.read().splitlines()):
            print("".join(status.decode() + " " for status in re.findall(rb"HTTP/1\.1 (\d+) ", out)))


def lines():
    s = connect(10 if sys.argv[2:] else 2)
    text = sys.stdin.buffer.read()
    try:
        for line in [text] if how else text.splitlines():
            s.sendall(line if how else line.decode("unicode_escape").encode("latin-1"))
    except OSError:
        pass
    show(until_end(s, sys.argv[2].encode() if sys.argv[2:] else None))


{"--websocket": websocket, "--many": many, "--repeat": repeat, "--kept": kept, "--slow": slow, "--table": table}.get(how, lines)()
