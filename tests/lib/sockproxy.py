#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs cloister-sockproxy as the runtime does: sockproxy.py PROGRAM SOCKET ENGINE-SOCKET COMMANDS

Becomes the proxy: a listening socket at SOCKET is its descriptor 3, the engine's directory 4.
"""
import os
import socket
import sys

program, path, engine, commands = sys.argv[1:]
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
if os.path.exists(path):
    os.unlink(path)
s.bind(path)
s.listen(128)
d = os.open(os.path.dirname(engine), os.O_PATH | os.O_DIRECTORY)
a, b = os.dup(s.fileno()), os.dup(d)
a, b = os.dup(a), os.dup(b)
os.dup2(a, 3)
os.dup2(b, 4)
os.closerange(5, 256)
os.execv(program, [program, "--listen-fd=3", "--engine-dir-fd=4", "--engine-socket=" + os.path.basename(engine),
                   "--commands=" + commands, "--image=test", "--id=test"])
