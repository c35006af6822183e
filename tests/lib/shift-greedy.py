#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A greedy container on a shiftfs mount: more open files than the server may have, attributes without end, handles.

    shift-greedy.py VIEW OTHER-VIEW

OTHER-VIEW is served by somebody else and must not notice. Exit status 1, with the reason, if anything else than
an error for the greedy one happens.
"""
import ctypes, errno, os, resource, sys, time

libc = ctypes.CDLL(None, use_errno=True)
view, other = sys.argv[1:3]
os.chdir(view)


def expect(holds, what):
    if not holds:
        sys.exit(what)


def error_of(f, *args, **kw):
    try:
        f(*args, **kw)
    except OSError as e:
        return errno.errorcode[e.errno]
    return None


def works(f, *args):
    """Soon: the server hears of what is closed a moment later."""
    end = time.monotonic() + 10
    while error_of(f, *args) and time.monotonic() < end:
        time.sleep(0.01)
    return error_of(f, *args) is None


def neighbour():
    """The other mount answers, soon."""
    began = time.monotonic()
    with open(other + '/note', 'w') as f:
        f.write('here')
    with open(other + '/note') as f:
        expect(f.read() == 'here', 'the other mount does not answer')
    expect(time.monotonic() - began < 5, 'the other mount answers late')


def opens():
    held, said = [], None
    first = os.open('first', os.O_RDWR | os.O_CREAT, 0o644)
    while len(held) < 5000 and not said:
        said = error_of(lambda: held.append(os.open('f%d' % len(held), os.O_RDWR | os.O_CREAT, 0o644)))
    expect(said in ('EMFILE', 'ENFILE'), 'after %d open files: %s' % (len(held), said))
    os.pwrite(first, b'still', 0)
    expect(os.pread(first, 10, 0) == b'still', 'what is open cannot be used')
    neighbour()
    os.close(held.pop())  # a look needs a descriptor if what is remembered is too old
    expect(works(os.fstat, held[0]), 'what is open cannot be looked at')
    for fd in held:
        os.close(fd)
    works(os.listdir, '.')
    expect(len(os.listdir('.')) > len(held), 'afterwards the mount does not answer')
    print('%d files were open' % len(held))


def attributes():
    open('bomb', 'w').close()
    said, n = None, 0
    while n < 2000 and not said:
        said = error_of(os.setxattr, 'bomb', 'user.%0200d' % n, b'x' * 100)
        n += 1
    expect(said in (None, 'ENOSPC', 'EDQUOT'), 'after %d attributes: %s' % (n, said))
    listed = error_of(os.listxattr, 'bomb')
    expect(listed in (None, 'E2BIG'), 'a long list of attributes: %s' % listed)
    expect(error_of(os.setxattr, 'bomb', 'user.big', b'x' * 65537) == 'E2BIG', 'an attribute of 65 537 bytes')
    expect(error_of(os.setxattr, 'bomb', 'user.' + 'n' * 251, b'') in ('ERANGE', 'ENAMETOOLONG'), 'a name of 256 bytes')
    for what in (b'', b'\2\0\0\0', b'\2\0\0\0' + b'\xff' * 60000, b'\xff' * 65536, b'\2\0\0\0' + b'\1\0\7\0\xff\xff\xff\xff' * 8000):
        error_of(os.setxattr, 'bomb', 'system.posix_acl_access', what)
        error_of(os.setxattr, 'bomb', 'security.capability', what)
    os.stat('bomb'), os.unlink('bomb')
    neighbour()
    print('%d attributes' % n)


def handles():
    """No handle of an inode: one could name what is not below the source."""
    buf = (ctypes.c_ubyte * 140)()
    ctypes.cast(buf, ctypes.POINTER(ctypes.c_uint))[0] = 128
    mount_id = ctypes.c_int()
    made = libc.name_to_handle_at(-100, b'first', buf, ctypes.byref(mount_id), 0)
    if made == 0:
        fd = os.open('.', os.O_RDONLY)
        opened = libc.open_by_handle_at(fd, buf, os.O_RDONLY)
        expect(opened < 0, 'a handle could be opened')
        os.close(fd)
    print('handles: %s' % errno.errorcode[ctypes.get_errno()])


def dots():
    """Up is the mount's own root, wherever the directory was moved meanwhile."""
    os.makedirs('up/a/b')
    top = os.stat('.').st_ino
    fd = os.open('up/a/b', os.O_RDONLY)
    os.rename('up/a', 'a')
    os.chdir(fd)
    expect(os.stat('../..').st_ino == top, '".." of a directory that was moved is elsewhere')
    os.chdir(view)
    expect(os.stat('a/b/../..').st_ino == top, '".." is elsewhere')
    os.rmdir('a/b'), os.rmdir('a'), os.rmdir('up')


resource.setrlimit(resource.RLIMIT_NOFILE, (6000, 6000))
opens(), attributes(), handles(), dots()
