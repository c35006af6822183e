#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL to the processes of shiftfs while others use the mount: nobody notices.

    shift-kill.py DIR[:DIR]... PID SECONDS

DIR is on the mount (or mounts of one server), PID the first process of the server. Several processes make, link, rename, write
and remove without pause, with the errors of somebody who is alone: whatever was done is the success
that it was, and nothing is done twice. Prints how many operations and kills there were.
"""
import errno, fcntl, os, random, signal, sys, time

KINDS = fcntl.lockf, fcntl.flock
tops, first, seconds = sys.argv[1].split(':'), int(sys.argv[2]), float(sys.argv[3])


def has_attributes(d):
    """False only before Linux 6.6, whose tmpfs has no user attributes."""
    try:
        os.setxattr(d, 'user.n', b'')
    except OSError as e:
        if e.errno == errno.ENOTSUP and [int(x) for x in os.uname().release.split('.')[:2]] < [6, 6]:
            return False
        raise
    return True


def changes(d, end):
    """Each step must succeed, and leave just what it says."""
    os.mkdir(d)
    n, attributes = 0, has_attributes(d)
    log = os.open(d + '/log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.chdir(d)
    while time.time() < end:
        name = 'f%d' % n
        os.mkdir(name + '.dir')
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
        os.write(fd, b'%d\n' % n)
        os.link(name, name + '.link')
        os.symlink(name, name + '.sym')
        os.rename(name + '.link', name + '.dir/moved')
        os.mkfifo(name + '.pipe')
        if attributes:
            os.setxattr(name, 'user.n', b'%d' % n, os.XATTR_CREATE)
        os.write(log, b'%08d\n' % n)
        if os.pread(fd, 100, 0) != b'%d\n' % n or os.fstat(fd).st_nlink != 2:
            raise AssertionError('contents of ' + name)
        os.close(fd)
        if sorted(os.listdir('.')) != sorted([name, name + '.dir', name + '.sym', name + '.pipe', 'log']):
            raise AssertionError('listing: %s' % os.listdir('.'))
        libc_exchange(name, name + '.sym')
        if os.readlink(name) != name:
            raise AssertionError('exchanged twice or not at all')
        if attributes:
            os.removexattr(name + '.sym', 'user.n')
        for gone in name, name + '.sym', name + '.pipe', name + '.dir/moved':
            os.unlink(gone)
        os.rmdir(name + '.dir')
        n += 1
    want = b''.join(b'%08d\n' % i for i in range(n))
    with open('log', 'rb') as f:
        if f.read() != want:
            raise AssertionError('the log has lost or doubled lines')
    return n


def libc_exchange(a, b):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), 2) < 0:
        raise OSError(ctypes.get_errno(), 'renameat2')


def locks(path, end):
    """Two processes take turns with a lock, of a process and of an open file, and count them."""
    n = 0
    fds = [(os.open(path + kind.__name__, os.O_RDWR | os.O_CREAT), kind) for kind in KINDS]
    while time.time() < end:
        for fd, kind in fds:
            kind(fd, fcntl.LOCK_EX)
            value = int(os.pread(fd, 20, 0) or b'0')
            os.pwrite(fd, b'%d' % (value + 1), 0)
            kind(fd, fcntl.LOCK_UN)
        n += 1
    return n


def family(pid):
    """The processes of the server, alive."""
    found = []
    for d in os.listdir('/proc'):
        try:
            with open('/proc/%s/stat' % d) as f:
                text = f.read()
        except (OSError, ValueError):
            continue
        name, rest = text[text.index('(') + 1:text.rindex(')')], text[text.rindex(')') + 2:].split()
        if name.startswith('shiftfs') and rest[0] not in 'ZX' and session(int(d)) == pid:
            found.append((int(d), name))
    return found


def session(pid):
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def start(run, *args):
    pid = os.fork()
    if pid == 0:
        try:
            n = run(*args)
            os.write(out, b'%s %d\n' % (run.__name__.encode(), n))
            os._exit(0)
        except BaseException as e:
            print('%s%r: %r' % (run.__name__, args[:1], e), flush=True)
            import traceback
            traceback.print_exc()
            os._exit(1)
    return pid


class Kept:
    """What is in use on a mount while its server dies."""
    def __init__(self, top):
        self.top = top
        self.file = os.open(top + '/kept', os.O_RDWR | os.O_CREAT)
        os.write(self.file, b'kept')
        fcntl.flock(self.file, fcntl.LOCK_EX)
        self.unlinked = os.open(top + '/unlinked', os.O_RDWR | os.O_CREAT)
        os.write(self.unlinked, b'unlinked')
        os.unlink(top + '/unlinked')
        os.mkdir(top + '/cwd')
        os.mkdir(top + '/removed')
        self.removed = os.open(top + '/removed', os.O_PATH)
        os.rmdir(top + '/removed')

    def check(self):
        assert os.pread(self.file, 10, 0) == b'kept' and os.pread(self.unlinked, 10, 0) == b'unlinked'
        assert os.fstat(self.unlinked).st_nlink == 0
        assert os.stat('/proc/self/fd/%d' % self.removed).st_nlink == 0
        again = os.open(self.top + '/kept', os.O_RDWR)
        try:
            fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
            raise AssertionError('the lock is gone')
        except BlockingIOError:
            pass


r, out = os.pipe()
end = time.time() + seconds
kept = [Kept(top) for top in tops]
os.chdir(tops[0] + '/cwd')
pids = []
for top in tops:
    pids += [start(changes, '%s/%d' % (top, i), end) for i in range(3 if len(tops) == 1 else 2)]
    pids += [start(locks, top + '/counter', end) for i in range(2)]
kills = {'shiftfs': 0, 'shiftfs-keeper': 0}
while time.time() < end - 0.5:
    time.sleep(random.choice([0.02, 0.05, 0.2]))
    members = family(first)
    servers = [p for p, name in members if name == 'shiftfs']
    # one at a time, and the others get the time to notice
    victim = random.choice(servers if random.random() < 0.7 else [p for p, _ in members]) if servers else None
    if victim is None or len(members) < 3:
        continue
    kills[dict(members)[victim]] += 1
    os.kill(victim, signal.SIGKILL)
    time.sleep(0.2)
failed = sum(os.waitpid(p, 0)[1] != 0 for p in pids)
os.close(out)
done = [line.split() for line in os.fdopen(r)]
rounds, turns = (sum(int(n) for kind, n in done if kind == k) for k in ('changes', 'locks'))
assert not failed, '%d processes failed' % failed
for k in kept:
    k.check()
assert os.listdir('.') == [] and os.getcwd() == tops[0] + '/cwd'
for kind in KINDS:
    counted = sum(int(open(top + '/counter' + kind.__name__).read()) for top in tops)
    assert counted == turns, '%d turns with %s, %d counted' % (turns, kind.__name__, counted)
print('%d rounds, %d turns with locks, %s' % (rounds, turns, kills))
assert sum(kills.values()) >= seconds, 'too few kills'
