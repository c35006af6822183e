#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Locks of a file on the mount VIEW and in the directory BACKING exclude each other, of every kind.

    shift-locks.py VIEW BACKING
"""
import fcntl, os, select, signal, struct, sys, time

view, backing = sys.argv[1] + '/locked', sys.argv[2] + '/locked'
F_OFD_SETLK, F_OFD_SETLKW = 37, 38


def ofd(fd, kind, wait, start=0, length=0):
    type_ = {fcntl.LOCK_EX: fcntl.F_WRLCK, fcntl.LOCK_SH: fcntl.F_RDLCK, fcntl.LOCK_UN: fcntl.F_UNLCK}[kind]
    arg = struct.pack('hhqqi4x', type_, 0, start, length, 0)
    fcntl.fcntl(fd, F_OFD_SETLKW if wait else F_OFD_SETLK, arg)


def take(how, fd, kind, wait=False):
    if how == 'ofd':
        return ofd(fd, kind, wait)
    (fcntl.flock if how == 'flock' else fcntl.lockf)(fd, kind | (0 if wait or kind == fcntl.LOCK_UN else fcntl.LOCK_NB))


def refused(how, fd, kind):
    try:
        take(how, fd, kind)
    except BlockingIOError:
        return True
    take(how, fd, fcntl.LOCK_UN)
    return False


def child(run):
    """run() in a process of its own: its locks are not ours."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        try:
            os.write(w, b'y' if run() else b'n')
        except BaseException as e:
            print(repr(e), flush=True)
        os._exit(0)
    os.close(w)
    return pid, r


def ask(run):
    pid, r = child(run)
    answer = os.read(r, 1)
    os.close(r)
    os.waitpid(pid, 0)
    assert answer, 'a child failed'
    return answer == b'y'


def check(what, holds):
    if not holds:
        sys.exit('not so: ' + what)


open(view, 'w').close()
for mine, theirs in (view, backing), (backing, view), (view, view):
    for how in 'flock', 'posix', 'ofd':
        where = '%s, held in %s, wanted in %s' % (how, mine, theirs)
        fd = os.open(mine, os.O_RDWR)
        take(how, fd, fcntl.LOCK_EX)
        for kind in fcntl.LOCK_EX, fcntl.LOCK_SH:
            check('locks are shared: ' + where, ask(lambda: refused(how, os.open(theirs, os.O_RDWR), kind)))
        if how != 'flock':
            other = 'ofd' if how == 'posix' else 'posix'
            check('%s and %s: %s' % (how, other, where), ask(lambda: refused(other, os.open(theirs, os.O_RDWR), fcntl.LOCK_EX)))
        # who waits gets it when it is free, and not before
        pid, r = child(lambda: take(how, os.open(theirs, os.O_RDWR), fcntl.LOCK_EX, True) is None)
        check('it waits: ' + where, not select.select([r], [], [], 0.15)[0])
        take(how, fd, fcntl.LOCK_UN)
        check('it gets the lock: ' + where, select.select([r], [], [], 5)[0])
        os.waitpid(pid, 0)
        os.close(r)
        # who is killed while waiting waits no more
        # (an end of a file on a FUSE mount is told to its server when it has happened)
        deadline = time.time() + 2
        while True:
            try:
                take(how, fd, fcntl.LOCK_SH)
                break
            except BlockingIOError:
                check('the lock of a process that has ended: ' + where, time.time() < deadline)
        check('a shared lock is shared: ' + where, not ask(lambda: refused(how, os.open(theirs, os.O_RDWR), fcntl.LOCK_SH)))
        pid, r = child(lambda: take(how, os.open(theirs, os.O_RDWR), fcntl.LOCK_EX, True) is None)
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(r)
        # the end of the file descriptor is the end of the lock
        os.close(fd)
        deadline = time.time() + 2
        while ask(lambda: refused(how, os.open(theirs, os.O_RDWR), fcntl.LOCK_EX)):
            check('closed, and still locked: ' + where, time.time() < deadline)
fd, fd2 = os.open(view, os.O_RDWR), os.open(view, os.O_RDWR)
fcntl.lockf(fd, fcntl.LOCK_EX, 10, 0)
check('ranges beside it are free', not ask(lambda: fcntl.lockf(os.open(backing, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 10) is not None))
os.close(fd2)
check('closing any descriptor ends a process\'s locks', not ask(lambda: refused('posix', os.open(backing, os.O_RDWR), fcntl.LOCK_EX)))
fcntl.lockf(fd, fcntl.LOCK_EX)
got = ask(lambda: struct.unpack('hhqqi4x', fcntl.fcntl(os.open(view, os.O_RDWR), fcntl.F_GETLK,
          struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)))[4] == os.getppid())
check('F_GETLK tells who has it', got)
print('locks are shared')
