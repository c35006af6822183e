#!/usr/bin/python3 -IS
# SPDX-License-Identifier: Apache-2.0
"""without-diag.py COMMAND...: where the kernel does not tell of sockets by netlink (CONFIG_UNIX_DIAG).

A seccomp filter has socket(AF_NETLINK, any, NETLINK_SOCK_DIAG) fail as it does there.
"""
import ctypes, errno, os, platform, struct, sys

SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
AF_NETLINK, NETLINK_SOCK_DIAG = 16, 4
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
NUMBER, FIRST, THIRD = 0, 16, 32  # struct seccomp_data: nr, args[0], args[2]

code = [
    (LOAD, 0, 0, NUMBER),
    (EQUAL, 0, 5, SOCKET),
    (LOAD, 0, 0, FIRST),
    (EQUAL, 0, 3, AF_NETLINK),
    (LOAD, 0, 0, THIRD),
    (EQUAL, 0, 1, NETLINK_SOCK_DIAG),
    (RETURN, 0, 0, ERRNO | errno.EPROTONOSUPPORT),
    (RETURN, 0, 0, ALLOW),
]
text = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *c) for c in code))
program = struct.pack("@HP", len(code), ctypes.addressof(text))
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) < 0:
    sys.exit(f"without-diag: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
