# SPDX-License-Identifier: Apache-2.0
"""exec-closing.py FILE: programs that are executed while FILE, open, is to be closed by that.

The close asks the server while the kernel tells nobody anything of the process: a server that asks procfs about
its caller waits for it for ever. Ends by SIGALRM then.
"""
import os, signal, sys

signal.alarm(60)
for _ in range(300):
    pid = os.fork()
    if pid == 0:
        file = open(sys.argv[1], "w")  # close-on-exec
        os.execv("/bin/true", ["true"])
    os.waitpid(pid, 0)
