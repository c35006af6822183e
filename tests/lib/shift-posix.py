#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What POSIX says of each call, tried in a plain directory and through shiftfs: results must be the same.

    shift-posix.py PLAIN VIEW [--family NAME]... [--nodev]

Not random as shift-diff.py: each family of calls is gone through with every type of file, the modes,
owners, groups and flags that matter to it, by root, owner, members of groups and others; compared are
result or errno, attributes, link counts, and which times of files and their directories changed. All
differences are shown. Exit status 1 if there are any.
"""
import argparse, ctypes, errno, os, pickle, socket, stat, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import shift_posix_calls

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_NOFOLLOW = -100, 0x100
NAP = 0.01  # longer than a tick of the clock that stamps inodes


class Bad(int):
    """An address where nothing is."""


def name_of(e):
    return errno.errorcode.get(e, str(e))


def raw(path):
    return ctypes.c_void_p(int(path)) if isinstance(path, Bad) else os.fsencode(path)


def check(r):
    if r < 0:
        raise OSError(ctypes.get_errno(), '')
    return r


def describe(st):
    mode = st.st_mode
    size = 0 if stat.S_ISDIR(mode) else st.st_size
    return '%s %04o links %d owner %d:%d size %d dev %d:%d' % (
        stat.filemode(mode)[0], stat.S_IMODE(mode), st.st_nlink, st.st_uid, st.st_gid, size,
        os.major(st.st_rdev), os.minor(st.st_rdev))


class Timespec(ctypes.Structure):
    _fields_ = [('sec', ctypes.c_long), ('nsec', ctypes.c_long)]


NOW, OMIT = (1 << 30) - 1, (1 << 30) - 2


class Calls(shift_posix_calls.LinuxCalls):
    """The calls, in one of the two trees; open files by slot."""

    def __init__(self, root):
        self.root, self.fds = root, {}

    def fd(self, slot):
        return self.fds.get(slot, -1)

    def do_stat(self, p):
        return describe(os.stat(p))

    def do_lstat(self, p):
        return describe(os.lstat(p))

    def do_fstat(self, slot=0):
        return describe(os.fstat(self.fd(slot)))

    def do_times(self, p):
        st = os.lstat(p)
        return st.st_atime_ns, st.st_mtime_ns, st.st_ctime_ns

    def do_ident(self, p):
        return os.lstat(p).st_ino

    def do_open(self, p, flags, mode=0, slot=0):
        fd = check(libc.open(raw(p), flags | os.O_CLOEXEC, mode))
        self.do_close(slot)
        self.fds[slot] = fd

    def do_close(self, slot=0):
        if slot in self.fds:
            os.close(self.fds.pop(slot))

    def do_touch(self, p, mode=0o644):
        os.close(check(libc.open(raw(p), os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)))

    def do_put(self, p, data):
        with open(p, 'wb') as f:
            f.write(data)

    def do_write(self, data, slot=0):
        return os.write(self.fd(slot), data)

    def do_pwrite(self, data, at, slot=0):
        return os.pwrite(self.fd(slot), data, at)

    def do_pread(self, n, at, slot=0):
        return os.pread(self.fd(slot), n, at)

    def do_ftruncate(self, n, slot=0):
        check(libc.ftruncate(self.fd(slot), ctypes.c_long(n)))

    def do_fchmod(self, mode, slot=0):
        check(libc.fchmod(self.fd(slot), mode))

    def do_fchown(self, uid, gid, slot=0):
        check(libc.fchown(self.fd(slot), uid, gid))

    def do_fallocate(self, mode, at, n, slot=0):
        check(libc.fallocate(self.fd(slot), mode, ctypes.c_long(at), ctypes.c_long(n)))

    def do_posix_fallocate(self, at, n, slot=0):
        e = libc.posix_fallocate(self.fd(slot), ctypes.c_long(at), ctypes.c_long(n))
        if e:
            raise OSError(e, '')

    def do_fsync(self, slot=0):
        check(libc.fsync(self.fd(slot)))

    def do_mkdir(self, p, mode=0o755):
        check(libc.mkdir(raw(p), mode))

    def do_rmdir(self, p):
        check(libc.rmdir(raw(p)))

    def do_unlink(self, p):
        check(libc.unlink(raw(p)))

    def do_mkfifo(self, p, mode=0o644):
        check(libc.mkfifo(raw(p), mode))

    def do_mknod(self, p, mode, dev=0):
        check(libc.mknod(raw(p), mode, ctypes.c_ulong(dev)))

    def do_bind(self, p):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(p)

    def do_connect(self, p):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(p)

    def do_symlink(self, target, p):
        check(libc.symlink(raw(target), raw(p)))

    def do_readlink(self, p):
        buf = ctypes.create_string_buffer(5000)
        return buf.raw[:check(libc.readlink(raw(p), buf, len(buf)))]

    def do_link(self, a, b):
        check(libc.link(raw(a), raw(b)))

    def do_rename(self, a, b, flags=0):
        check(libc.renameat2(AT_FDCWD, raw(a), AT_FDCWD, raw(b), flags))

    def do_chmod(self, p, mode):
        check(libc.chmod(raw(p), mode))

    def do_chown(self, p, uid, gid):
        check(libc.chown(raw(p), uid, gid))

    def do_lchown(self, p, uid, gid):
        check(libc.lchown(raw(p), uid, gid))

    def do_truncate(self, p, n):
        check(libc.truncate(raw(p), ctypes.c_long(n)))

    def do_utimens(self, p, atime, mtime, flags=0):
        times = (Timespec * 2)(Timespec(*atime), Timespec(*mtime))
        check(libc.utimensat(AT_FDCWD, raw(p), times, flags))

    def do_utime_null(self, p):
        check(libc.utimensat(AT_FDCWD, raw(p), None, 0))

    def do_futimens(self, atime, mtime, slot=0):
        check(libc.futimens(self.fd(slot), (Timespec * 2)(Timespec(*atime), Timespec(*mtime))))

    def do_access(self, p, mode):
        check(libc.access(raw(p), mode))

    def do_pathconf(self, p, name):
        return os.pathconf(p, name)

    def do_list(self, p='.'):
        return sorted(os.listdir(p))

    def do_chdir(self, p):
        os.chdir(p)

    def do_setxattr(self, p, name, value):
        os.setxattr(p, name, value, follow_symlinks=False)

    def do_getxattr(self, p, name):
        return os.getxattr(p, name, follow_symlinks=False)

    def do_removexattr(self, p, name):
        os.removexattr(p, name, follow_symlinks=False)

    def do_exec(self, p):
        """A short-lived child, and whether it could be started."""
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open('/dev/null', os.O_RDWR), 2)
            try:
                os.execv(p, [p])
            except OSError as e:
                os._exit(100 + e.errno)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return 'ran' if status == 0 else name_of(status - 100)

    def do_busy(self, p, flags):
        """What opening and truncating a program say while it runs."""
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.dup2(r, 0)
                os.execv(p, ['cat'])
            finally:
                os._exit(100)
        os.close(r)
        end = time.monotonic() + 10
        while not os.path.samefile('/proc/%d/exe' % pid, p) and time.monotonic() < end:
            time.sleep(0.001)
        said = []
        for f in (lambda: self.do_open(p, flags, 0, 9), lambda: self.do_truncate(p, 1)):
            try:
                f()
                said.append('succeeded')
            except OSError as e:
                said.append(name_of(e.errno))
        os.close(w)
        return said, os.waitpid(pid, 0)[1], os.path.getsize(p)

    def do_many(self, steps):
        """Calls one after the other, to set something up."""
        for call, *args in steps:
            getattr(self, 'do_' + call)(*args)

    def do_states(self, paths):
        """What is where: attributes, inode and times."""
        found = {}
        for p in paths:
            try:
                st = os.lstat(p)
            except OSError:
                continue
            found[p] = describe(st), st.st_ino, (st.st_mtime_ns, st.st_ctime_ns)
        return found

    def run(self, where, umask, call, args):
        try:
            os.chdir(os.path.join(self.root, where))
        except OSError as e:
            return 'chdir: ' + name_of(e.errno)
        os.umask(umask)
        try:
            r = getattr(self, 'do_' + call)(*args)
            return 0 if r is None else r
        except OSError as e:
            return name_of(e.errno) if e.errno else str(e)
        finally:
            os.umask(0)


class User:
    """A process with the credentials of a user, for both trees."""

    def __init__(self, ids, roots):
        a, b = socket.socketpair()
        if os.fork() == 0:
            a.close()
            shift_posix_calls.become(ids)
            self.serve(b.makefile('rwb'), [Calls(r) for r in roots])
            os._exit(0)
        b.close()
        self.io = a.makefile('rwb')

    @staticmethod
    def serve(io, sides):
        while True:
            try:
                step = pickle.load(io)
            except EOFError:
                return
            pickle.dump([s.run(*step) for s in sides], io)
            io.flush()

    def run(self, *step):
        pickle.dump(step, self.io)
        self.io.flush()
        return pickle.load(self.io)


class Trial:
    """The two trees in step. Each family of tests has one."""

    def __init__(self, plain, view, family, options):
        self.roots, self.users, self.family = (plain, view), {}, family
        self.nodev, self.thorough = options.nodev, options.thorough
        self.checks, self.wrong, self.where, self.dirs, self.history, self.mask = 0, 0, '.', 0, [], 0

    def both(self, user, call, *args):
        if user not in self.users:
            self.users[user] = User(user, self.roots)
        self.history.append('%s: %s%r' % (user, call, args))
        return self.users[user].run(self.where, self.mask, call, args)

    def equal(self, a, b, what):
        self.checks += 1
        if a == b or (self.nodev and a in (0, 'ENXIO', 'EPERM') and b == 'EACCES' and 'open' in what):
            return
        self.wrong += 1
        if self.wrong <= 20:
            print('%s: in %s after' % (self.family, self.where))
            for line in self.history[-8:]:
                print('    ' + line[:200])
            print('  %s: the plain directory says %s, the view %s' % (what[:200], a, b), flush=True)

    def do(self, user, call, *args):
        """A call by a user, or by (uid, gid...)."""
        a, b = self.both(user, call, *args)
        self.equal(a, b, self.history[-1])
        return a

    def root(self, call, *args):
        return self.do(0, call, *args)

    def look(self, *paths):
        for p in paths:
            self.root('lstat', p)

    def fresh(self, mode=0o755, uid=0, gid=0):
        """A new directory to work in."""
        self.where, name = '.', '%s-%d' % (self.family, self.dirs)
        self.dirs += 1
        self.history = []
        self.root('mkdir', name, mode)
        self.root('chmod', name, mode)
        self.root('chown', name, uid, gid)
        self.where = name

    def make(self, kind, p, mode=None, uid=None, gid=None, user=0):
        step = {'regular': ('touch', p), 'dir': ('mkdir', p), 'fifo': ('mkfifo', p), 'socket': ('bind', p),
                'symlink': ('symlink', 'nowhere', p), 'block': ('mknod', p, stat.S_IFBLK | 0o644, os.makedev(1, 2)),
                'char': ('mknod', p, stat.S_IFCHR | 0o644, os.makedev(1, 3))}
        if kind != 'none':
            self.do(user, *step[kind])
        if kind != 'none' and uid is not None:
            self.root('lchown', p, uid, uid if gid is None else gid)
        if kind not in ('none', 'symlink') and mode is not None:
            self.root('chmod', p, mode)

    def remove(self, kind, p):
        if kind != 'none':
            self.root('rmdir' if kind == 'dir' else 'unlink', p)

    def idents(self, p):
        return self.both(0, 'ident', p)

    def same(self, before, p):
        now = self.idents(p)
        self.equal(before[0] == now[0], before[1] == now[1], 'whether %s is the inode that it was' % p)

    @staticmethod
    def nap():
        time.sleep(NAP)

    def timed(self, paths, steps, atime=False):
        """Which times of paths the steps change."""
        before = [self.both(0, 'times', p) for p in paths]
        self.nap()
        steps()
        for p, old in zip(paths, before):
            self.equal(*(self.changes(o, n, atime) for o, n in zip(old, self.both(0, 'times', p))),
                       'changed times of %s' % p)

    @staticmethod
    def changes(old, new, atime):
        if isinstance(old, str) or isinstance(new, str):
            return 'none' if isinstance(old, str) else 'gone'
        names = ('atime', 'mtime', 'ctime') if atime else ('', 'mtime', 'ctime')
        return [(n, (a > b) - (a < b)) for n, a, b in zip(names, new, old) if n and a != b]


def main():
    import shift_posix_cases, shift_posix_limits, shift_posix_linux, shift_posix_matrix, shift_posix_rights
    p = argparse.ArgumentParser()
    p.add_argument('plain'), p.add_argument('view')
    p.add_argument('--family', action='append')
    p.add_argument('--part', type=int, help='0 or 1: every other family, for two processes at once')
    p.add_argument('--nodev', action='store_true', help='devices cannot be opened in VIEW')
    p.add_argument('--thorough', action='store_true', help='all of the matrix, which takes minutes')
    a = p.parse_args()
    os.umask(0)
    checks = wrong = 0
    families = {**shift_posix_cases.FAMILIES, **shift_posix_rights.FAMILIES, **shift_posix_linux.FAMILIES, **shift_posix_limits.FAMILIES,
                **shift_posix_matrix.FAMILIES}
    if a.family:
        families = {n: {**families, **shift_posix_limits.BY_NAME, **shift_posix_matrix.BY_NAME}[n] for n in a.family}
    if a.part is not None:
        families = dict(list(families.items())[a.part::2])
    for name, family in families.items():
        t = Trial(a.plain, a.view, name, a)
        began = time.monotonic()
        family(t)
        checks, wrong = checks + t.checks, wrong + t.wrong
        print('%s: %d checks, %d differ, %.1f s' % (name, t.checks, t.wrong, time.monotonic() - began), flush=True)
    print('%d checks, %d differ' % (checks, wrong))
    sys.exit(1 if wrong or families and not checks else 0)


if __name__ == '__main__':
    main()
