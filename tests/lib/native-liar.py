#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# native-liar.py SERVER HOST-PID: asks the warden what a cloister-fs that was taken over might (src/lib/natives.h),
# on the socket of the process SERVER. Prints a line for each question: what came back.
import ctypes
import errno
import os
import socket
import struct
import sys

PIDFD_OPEN, PIDFD_GETFD = 434, 438  # the same on all machines
LIST, READ, WRITE = range(3)
libc = ctypes.CDLL(None, use_errno=True)
server, host_pid = map(int, sys.argv[1:])
words = open(f"/proc/{server}/cmdline").read().split("\0")
number = int(words[words.index("--ask-fd") + 1])
pidfd = libc.syscall(PIDFD_OPEN, server, 0)
warden = socket.socket(fileno=libc.syscall(PIDFD_GETFD, pidfd, number, 0))
asked = 0


def ask(what, name, data=b"", length=None, pid=host_pid, cut=None):
    global asked
    asked += 1
    message = struct.pack("=QIIQi64s", asked, what, len(data) if length is None else length, 0, pid, name) + data
    warden.send(message[:cut])
    try:
        while True:
            answer = warden.recv(16384)
            if struct.unpack_from("=Q", answer)[0] == asked:
                break
    except BlockingIOError:  # the socket has a limit of time, and is the server's too: nothing is set
        return "silence"
    result = struct.unpack_from("=q", answer, 8)[0] if len(answer) >= 16 else 0
    return errno.errorcode[-result] if result < 0 else answer[16:].decode().strip() or result


print("row", ask(READ, b"nf_conntrack_max"))
print("above", ask(READ, b"../../kernel/hostname"))
print("above", ask(READ, b".."))
print("below", ask(READ, b"nf_log/2"))
print("directory", ask(READ, b"nf_log"))
print("absent", ask(READ, b""))
print("name", ask(READ, b"x" * 64))
print("row", ask(WRITE, b"nf_conntrack_max", b"9\n"))
print("host", ask(WRITE, b"nf_hooks_lwtunnel", b"0\n"))
print("nobody", ask(WRITE, b"nf_hooks_lwtunnel", b"0\n", pid=-1))
print("what", ask(77, b"nf_hooks_lwtunnel"))
print("long", ask(READ, b"nf_hooks_lwtunnel", length=9))
print("short", ask(READ, b"nf_hooks_lwtunnel", cut=40))
print("list", len(str(ask(LIST, b"")).splitlines()) > 0)
