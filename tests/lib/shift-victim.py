#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks at VIEW through shiftfs while shift-attack swaps names in its backing.

    shift-victim.py VIEW SECONDS

Follows no symbolic link itself, so whatever is not of the backing was reached by the server. Prints
how often what was reached; exit status 1 if that was ever the outside, or a request hung.
"""
import collections, ctypes, errno, os, signal, struct, sys, time

libc = ctypes.CDLL(None, use_errno=True)
SYS_openat2, RESOLVE_NO_SYMLINKS = 437, 4
view, seconds = sys.argv[1], float(sys.argv[2])
os.chdir(view)
seen = collections.Counter()
signal.signal(signal.SIGALRM, lambda *_: (print('a request hung'), os._exit(1)))


def openat2(path, flags):
    how = struct.pack('QQQ', flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o600 if flags & os.O_CREAT else 0,
                      RESOLVE_NO_SYMLINKS)
    fd = libc.syscall(SYS_openat2, -100, path.encode(), how, len(how))
    if fd < 0:
        raise OSError(ctypes.get_errno(), '')
    return fd


def look(path, flags):
    fd = openat2(path, flags)
    try:
        if flags & os.O_ACCMODE == os.O_RDONLY:
            return os.read(fd, 100).decode()
        os.pwrite(fd, b'inside', 0)
        return 'wrote'
    finally:
        os.close(fd)


end = time.time() + seconds
while time.time() < end:
    for path, flags in (('target', os.O_RDONLY), ('parent/secret', os.O_RDONLY), ('target', os.O_RDWR | os.O_CREAT),
                        ('parent/secret', os.O_WRONLY | os.O_TRUNC), ('parent/new', os.O_WRONLY | os.O_CREAT)):
        signal.alarm(20)
        try:
            what = look(path, flags)
        except OSError as e:
            what = errno.errorcode.get(e.errno, str(e.errno))
        seen['%s: %s' % (path, what)] += 1
        try:
            os.chmod('target', 0o666), os.listxattr('target', follow_symlinks=False)
            os.lstat('parent/secret'), os.listdir('parent')
        except OSError:
            pass
signal.alarm(0)
print(dict(seen))
sys.exit(any('outside' in k for k in seen) or not seen['target: inside'])
