# SPDX-License-Identifier: Apache-2.0
"""console-hostile.py KIND PATH COMMAND...: run COMMAND, which sends a terminal to the socket PATH, where somebody
means ill: prints "STATUS n", the command's standard error on one line, and whether other commands got by meanwhile.

full: nobody accepts, and the queue is full. slam: takes the connection and hangs up. drop: takes the terminal and closes
it. feed: writes into the connection and the terminal before it closes both.
OTHER: a command that must not have to wait meanwhile.
"""
import os, socket, subprocess, sys, threading, time

kind, path, command = sys.argv[1], sys.argv[2], sys.argv[3:]

def fill():
    """As many callers as the queue takes."""
    waiting = []
    while True:
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try: s.connect(path)
        except BlockingIOError: return waiting
        waiting.append(s)

def answer(listener):
    connection = listener.accept()[0]
    if kind == "slam":
        connection.close()
        return
    fds = socket.recv_fds(connection, 100, 4)[1]
    if kind == "feed":
        os.set_blocking(fds[0], False)
        connection.send(b"x" * 4096)
        try:
            while True: os.write(fds[0], b"\x03\x1a\x1c\n" * 1024)
        except OSError: pass
    for fd in fds: os.close(fd)

listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(0 if kind == "full" else 5)
held = fill() if kind == "full" else threading.Thread(target=answer, args=(listener,), daemon=True).start()
p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
if kind == "full":
    time.sleep(2)
    try: print("OTHER", subprocess.run(os.environ["OTHER"], shell=True, timeout=5, stdin=subprocess.DEVNULL).returncode, flush=True)
    except subprocess.TimeoutExpired: print("OTHER waits", flush=True)
try: said = p.communicate(timeout=40)[1]
except subprocess.TimeoutExpired:
    p.kill()
    said = "still waits"
print("STATUS", p.returncode, said.strip().replace("\n", " "))
os.unlink(path)
