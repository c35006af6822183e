#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Processes at work at once in one tree of VIEW, which is BACKING: nothing may fail that cannot, or get lost.

    shift-stress.py VIEW BACKING [--processes N] [--seconds N] [--seed N]

Each process takes random names from the same few, so all meet: files are made, replaced, exchanged, linked,
removed and used after that, directories too, by two processes of four in BACKING itself. Errors are only those
that such a race explains. Beside it each appends records to one log, adds to one counter under a lock and
to one in shared memory, and checks files of its own. At the end both trees are the same.
"""
import argparse, ctypes, errno, fcntl, mmap, os, random, struct, sys, time

libc = ctypes.CDLL(None, use_errno=True)
RACES = {'ENOENT', 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY', 'EINVAL', 'ELOOP', 'ESTALE', 'EPERM', 'EXDEV', 'EBUSY', 'ENODATA',
         'ESPIPE', 'ENXIO'}
RECORD = 100


def name(r):
    return '/'.join(r.choice('abcd') for _ in range(r.randrange(1, 4)))


def check(r):
    if r < 0:
        raise OSError(ctypes.get_errno(), '')


def op_make(r):
    fd = os.open(name(r), os.O_RDWR | os.O_CREAT | r.choice([0, os.O_EXCL, os.O_TRUNC]), 0o644)
    data = os.urandom(r.choice([1, 5000]))
    os.write(fd, data)
    os.close(fd)


def op_removed(r):
    """A file stays what it is when its name is gone."""
    p = '../own-%d/removed' % r.me
    fd = os.open(p, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    data = os.urandom(3000)
    os.write(fd, data)
    os.unlink(p)
    os.fchmod(fd, 0o640)
    if os.fstat(fd).st_nlink != 0 or os.pread(fd, 5000, 0) != data:
        raise AssertionError('a removed file has changed')
    os.close(fd)


def op_read(r):
    fd = os.open(name(r), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    os.fstat(fd)
    if not os.path.isdir('/proc/self/fd/%d' % fd):
        os.pread(fd, 4096, 0)
    os.close(fd)


def op_utime(r):
    """Not of directories: who sets back their times while others change and list them hides the change."""
    fd = os.open(name(r), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not os.path.isdir('/proc/self/fd/%d' % fd):
        os.utime(fd, (5, 6))
    os.close(fd)


def op_list(r):
    fd = os.open(name(r).split('/')[0], os.O_RDONLY | os.O_DIRECTORY)
    found = os.listdir(fd)
    os.close(fd)
    if len(found) != len(set(found)):
        raise AssertionError('a name is listed twice: %s' % found)


OPS = [
    op_make, op_make, op_removed, op_read, op_read, op_list,
    lambda r: os.mkdir(name(r)), lambda r: os.mkdir(r.choice('abcd')), lambda r: os.rmdir(name(r)), lambda r: os.unlink(name(r)),
    lambda r: check(libc.renameat2(-100, name(r).encode(), -100, name(r).encode(), r.choice([0, 0, 1, 2]))),
    lambda r: os.link(name(r), name(r), follow_symlinks=False), lambda r: os.symlink(name(r), name(r)), lambda r: os.lstat(name(r)),
    lambda r: os.chmod(name(r), r.choice([0o644, 0o755])), lambda r: os.lchown(name(r), r.randrange(3), r.randrange(3)),
    lambda r: os.truncate(name(r), r.randrange(9000)), lambda r: os.setxattr(name(r), 'user.x', b'v' * r.randrange(200)),
    lambda r: os.mkfifo(name(r)), op_utime, lambda r: os.readlink(name(r)),
]


def shared(root):
    """What all write to."""
    log = os.open(root + '/log', os.O_WRONLY | os.O_APPEND)
    counter = os.open(root + '/counter', os.O_RDWR)
    memory = mmap.mmap(os.open(root + '/memory', os.O_RDWR), 4096)
    return log, counter, memory


def count(root, me, n, log, counter, memory):
    os.write(log, struct.pack('<II', me, n).ljust(RECORD, bytes([me])))
    lock = fcntl.flock if me % 2 else fcntl.lockf
    for how in (fcntl.LOCK_EX, fcntl.LOCK_UN):  # flock and fcntl exclude only their like: a counter each
        lock(counter, how)
        if how == fcntl.LOCK_EX:
            at = me % 2 * 8
            v, = struct.unpack('<Q', os.pread(counter, 8, at))
            os.pwrite(counter, struct.pack('<Q', v + 1), at)
    memory[me * 8:me * 8 + 8] = struct.pack('<Q', n + 1)


def own(root, me, r, known):
    """Files of this process only: what was written is there."""
    p = '%s/own-%d/%d' % (root, me, r.randrange(20))
    if p in known:
        with open(p, 'rb') as f:
            if f.read() != known[p]:
                raise AssertionError('%s has changed' % p)
        if r.random() < 0.3:
            os.unlink(p)
            del known[p]
            return
    known[p] = os.urandom(r.randrange(20000))
    with open(p + '.new', 'wb') as f:
        f.write(known[p])
    os.rename(p + '.new', p)


def work(a, me):
    # one of four in the backing: a change there is no business of ours for who is in the view
    root = a.backing if me % 4 == 3 else a.view
    r, known, rounds, end = random.Random(a.seed + me), {}, 0, time.monotonic() + a.seconds
    os.mkdir('%s/own-%d' % (root, me))
    r.me = me
    files = shared(root)
    while time.monotonic() < end:
        os.chdir(root + '/tree')
        for _ in range(20):
            f = r.choice(OPS)
            try:
                f(r)
            except OSError as e:
                if errno.errorcode.get(e.errno) not in RACES:
                    raise AssertionError('line %d: %s' % (f.__code__.co_firstlineno, e))
        own(root, me, r, known)
        if root == a.view:
            count(root, me, rounds, *files)
            rounds += 1
    for p, data in known.items():
        with open(p, 'rb') as f:
            if f.read() != data:
                raise AssertionError('%s has changed' % p)
    return rounds


def child(a, me):
    pid = os.fork()
    if pid:
        return pid
    try:
        rounds = work(a, me)
        with open(a.backing + '/rounds-%d' % me, 'w') as f:
            f.write(str(rounds))
    except BaseException as e:
        print('process %d: %s: %s' % (me, type(e).__name__, e), flush=True)
        os._exit(1)
    os._exit(0)


def refuse(error):
    raise error


def tree(root):
    found = {}
    for base, dirs, files in os.walk(root, onerror=refuse):
        for n in dirs + files:
            p = os.path.join(base, n)
            st = os.lstat(p)
            data = None
            if os.path.isfile(p) and not os.path.islink(p):
                with open(p, 'rb') as f:
                    data = f.read()
            found[os.path.relpath(p, root)] = (oct(st.st_mode), st.st_nlink, st.st_ino, st.st_size if data is not None else 0, data)
    return found


def verify(a):
    rounds = [int(open('%s/rounds-%d' % (a.backing, me)).read()) for me in range(a.processes)]
    with open(a.view + '/log', 'rb') as f:
        log = f.read()
    records = [log[i:i + RECORD] for i in range(0, len(log), RECORD)]
    whole = {(me, n) for me, n in (struct.unpack('<II', x[:8]) for x in records)}
    if whole != {(me, n) for me in range(a.processes) for n in range(rounds[me])} or len(records) != sum(rounds):
        return 'of %d records that were appended there are %d' % (sum(rounds), len(whole))
    if any(x != x[:8].ljust(RECORD, x[:1]) for x in records):
        return 'a record is torn'
    with open(a.view + '/counter', 'rb') as f:
        counted = struct.unpack('<QQ', f.read(16))
    if counted != tuple(sum(n for me, n in enumerate(rounds) if me % 2 == kind) for kind in (0, 1)):
        return 'under locks %s were counted, of %s' % (counted, rounds)
    with open(a.view + '/memory', 'rb') as f:
        memory = struct.unpack('<%dQ' % a.processes, f.read(8 * a.processes))
    if memory != tuple(rounds):
        return 'in shared memory %s were counted, of %s' % (memory, rounds)
    one, other = tree(a.view), tree(a.backing)
    for p in sorted(set(one) | set(other)):
        if one.get(p) != other.get(p):
            return '%s differs: %s, in the backing %s' % (p, str(one.get(p))[:200], str(other.get(p))[:200])
    print('%d rounds, %d files at the end' % (sum(rounds), len(one)))
    return None


def main():
    p = argparse.ArgumentParser()
    p.add_argument('view'), p.add_argument('backing')
    p.add_argument('--processes', type=int, default=8)
    p.add_argument('--seconds', type=float, default=10)
    p.add_argument('--settle', type=float, default=1.2, help='seconds until VIEW has forgotten what it remembers')
    p.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 31))
    a = p.parse_args()
    print('seed %d' % a.seed, flush=True)
    os.mkdir(a.view + '/tree')
    for n, size in (('log', 0), ('counter', 16), ('memory', 4096)):
        with open('%s/%s' % (a.view, n), 'wb') as f:
            f.truncate(size)
    pids = [child(a, me) for me in range(a.processes)]
    failed = [pid for pid in pids if os.waitpid(pid, 0)[1]]
    time.sleep(a.settle)
    wrong = verify(a) if not failed else 'a process failed'
    if wrong:
        sys.exit('seed %d: %s' % (a.seed, wrong))


main()
