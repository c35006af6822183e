#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same random operations in a plain directory and through shiftfs must have the same results.

    shift-diff.py PLAIN VIEW [--seed N] [--steps N] [--source DIR --shift N]

Processes of several users each do an operation in both directories, and compare what it returned
(or errno), attributes and data; from time to time the two trees are compared as a whole, and with
--source the owners of what VIEW shows: those in DIR less --shift. The seed is always printed. A
difference is looked for again with fewer operations, which are shown; exit status 1.
"""
import argparse, ctypes, errno, hashlib, os, pickle, random, re, socket, stat, struct, sys, time

libc = ctypes.CDLL(None, use_errno=True)
USERS = [(0, 0, [0]), (1000, 1000, [1000, 33]), (1001, 1001, [1001]), (33, 33, [33])]
NAMES = ['a', 'b', 'c', 'd', 'e', 'n' * 255, 'n' * 256, '\u00e4\udcff', 'sp ace']
IDS = [0, 33, 1000, 1001, 65534, 65535]
ACL_USER_OBJ, ACL_USER, ACL_GROUP_OBJ, ACL_GROUP, ACL_MASK, ACL_OTHER = 1, 2, 4, 8, 16, 32
OWNERS_TOLD = [0]
AT_FDCWD, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH = -100, 0x400, 0x1000


def check(r):
    if r < 0:
        raise OSError(ctypes.get_errno(), '')
    return r


def b(path):
    return os.fsencode(path)


def acl(entries):
    return struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in entries)


def filecap(v):
    return struct.pack('<IIIII', 0x02000000 | v % 2, 0x2000, 0, 0, 0)


def attrs(st, times=False):
    size = 0 if stat.S_ISDIR(st.st_mode) else st.st_size
    t = tuple(x if x < 10**18 else 'now' for x in (st.st_atime_ns, st.st_mtime_ns)) if times else ()
    mode = st.st_mode
    # The mark of mandatory locks, which the kernel no longer has: whether it stays when a member of
    # the file's group writes, or root without CAP_FSETID gives it away, depends on what FUSE does not tell.
    if not stat.S_ISDIR(mode) and mode & (stat.S_ISGID | stat.S_IXGRP) == stat.S_ISGID:
        mode &= ~stat.S_ISGID
    return (oct(mode), st.st_nlink, st.st_uid, st.st_gid, size, st.st_rdev) + t


def has_suid(st):
    return not stat.S_ISDIR(st.st_mode) and (st.st_mode & stat.S_ISUID or st.st_mode & 0o2010 == 0o2010)


class Side:
    """One of the two trees, as one user sees it: operations by name, and what it holds open."""

    def __init__(self, root):
        self.root = root
        self.files, self.dirs = {}, {}

    def op_create(self, path, flags, mode, mask, slot):
        os.umask(mask)
        fd = os.open(path, flags | os.O_CREAT | os.O_NONBLOCK, mode)
        os.umask(0)
        self.keep(slot, fd)
        return attrs(os.fstat(fd))

    def op_tmpfile(self, path, mode, mask, slot):
        os.umask(mask)
        fd = os.open(path, os.O_TMPFILE | os.O_RDWR, mode)
        os.umask(0)
        self.keep(slot, fd)
        return attrs(os.fstat(fd))

    def keep(self, slot, fd):
        if slot in self.files:
            os.close(self.files[slot])
        self.files[slot] = fd

    def op_open(self, path, flags, slot):
        fd = os.open(path, flags | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            return 'not regular'
        self.keep(slot, fd)
        return attrs(os.fstat(fd))

    def op_close(self, slot):
        if slot in self.files:
            os.close(self.files.pop(slot))

    def fd(self, slot):
        if slot not in self.files:
            raise OSError(errno.EBADF, '')
        return self.files[slot]

    def op_write(self, slot, data):
        return os.write(self.fd(slot), data), attrs(os.fstat(self.fd(slot)))

    def op_pwrite(self, slot, data, at):
        return os.pwrite(self.fd(slot), data, at), attrs(os.fstat(self.fd(slot)))

    def op_pread(self, slot, n, at):
        return os.pread(self.fd(slot), n, at)

    def op_ftruncate(self, slot, n):
        os.ftruncate(self.fd(slot), n)
        return attrs(os.fstat(self.fd(slot)))

    def op_fstat(self, slot):
        return attrs(os.fstat(self.fd(slot)))

    def op_fchmod(self, slot, mode):
        os.fchmod(self.fd(slot), mode)
        return attrs(os.fstat(self.fd(slot)))

    def op_fchown(self, slot, uid, gid):
        if uid == gid == -1 and self.hides_caller(os.fstat(self.fd(slot)), self.fd(slot)):
            return None
        os.fchown(self.fd(slot), uid, gid)
        return attrs(os.fstat(self.fd(slot)))

    @staticmethod
    def hides_caller(st, file):
        """Whether chown(-1, -1) of a suid file looks like the question before a write that somebody else may do."""
        if not has_suid(st):
            return False
        if not OWNERS_TOLD or 'security.capability' in os.listxattr(file):
            return True
        return stat.S_ISREG(st.st_mode) and os.geteuid() not in OWNERS_TOLD + [st.st_uid]

    def op_fsync(self, slot, data):
        return (os.fdatasync if data else os.fsync)(self.fd(slot))

    def op_fallocate(self, slot, mode, at, n):
        if mode & 0x10 and (has_suid(os.fstat(self.fd(slot))) or 'security.capability' in os.listxattr(self.fd(slot))):
            return None  # FUSE takes them before it knows that the file system cannot do it
        check(libc.fallocate(self.fd(slot), mode, ctypes.c_long(at), ctypes.c_long(n)))
        return attrs(os.fstat(self.fd(slot)))

    def op_seek(self, slot, at, whence):
        if whence > 2:
            os.fsync(self.fd(slot))  # until it is written, what was but allocated may be data or a hole
        return os.lseek(self.fd(slot), at, whence)

    def op_copy_range(self, a, c, n, at, to):
        if a == c:
            return None
        return os.copy_file_range(self.fd(a), self.fd(c), n, at, to)

    def op_linkfd(self, slot, path):
        src = b('/proc/self/fd/%d' % self.fd(slot))
        check(libc.linkat(AT_FDCWD, src, AT_FDCWD, b(path), AT_SYMLINK_FOLLOW))
        return attrs(os.lstat(path))

    def op_mkdir(self, path, mode, mask):
        os.umask(mask)
        os.mkdir(path, mode)
        os.umask(0)
        return attrs(os.lstat(path))

    def op_mknod(self, path, mode, mask, dev):
        os.umask(mask)
        os.mknod(path, mode, dev)
        os.umask(0)
        return attrs(os.lstat(path))

    def op_bind(self, path):
        if len(b(path)) > 100:
            return None
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
        return attrs(os.lstat(path))

    def op_symlink(self, target, path):
        os.symlink(target, path)
        return attrs(os.lstat(path))

    def op_readlink(self, path):
        return os.readlink(path)

    def op_link(self, old, new):
        check(libc.linkat(AT_FDCWD, b(old), AT_FDCWD, b(new), 0))
        return attrs(os.lstat(new))

    def op_rename(self, old, new, flags):
        check(libc.renameat2(AT_FDCWD, b(old), AT_FDCWD, b(new), flags))

    def op_unlink(self, path):
        os.unlink(path)

    def op_rmdir(self, path):
        os.rmdir(path)

    def op_chmod(self, path, mode):
        os.chmod(path, mode)
        return attrs(os.stat(path))

    def op_chown(self, path, uid, gid):
        if uid == gid == -1 and self.hides_caller(os.lstat(path), path):
            return None
        os.lchown(path, uid, gid)
        return attrs(os.lstat(path))

    def op_truncate(self, path, n):
        st = os.stat(path)
        if stat.S_ISFIFO(st.st_mode) or st.st_size == n == 0:
            return None  # FUSE does not tell it from O_TRUNC, which changes more
        os.truncate(path, n)
        return attrs(os.stat(path))

    def op_utime(self, path, times):
        os.utime(path, ns=times, follow_symlinks=False)
        return attrs(os.lstat(path), times is not None)

    def op_lstat(self, path):
        return attrs(os.lstat(path))

    def op_stat(self, path):
        return attrs(os.stat(path))

    def op_access(self, path, mode):
        check(libc.access(b(path), mode))

    def op_list(self, path):
        with os.scandir(path) as it:
            return sorted((e.name, e.is_dir(follow_symlinks=False), e.is_symlink()) for e in it)

    def op_opendir(self, path, slot):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        if slot in self.dirs:
            os.close(self.dirs[slot])
        self.dirs[slot] = fd

    def op_in_dir(self, slot, name, what):
        if slot not in self.dirs:
            raise OSError(errno.EBADF, '')
        d = self.dirs[slot]
        if what == 'list':
            return sorted(os.listdir(d))
        if what == 'stat':
            return attrs(os.fstat(d))
        if what == 'mkdir':
            return os.mkdir(name, 0o755, dir_fd=d)
        return attrs(os.stat(name, dir_fd=d, follow_symlinks=False))

    def op_setxattr(self, path, name, value, flags):
        os.setxattr(path, name, value, flags, follow_symlinks=False)
        return attrs(os.lstat(path))

    def op_getxattr(self, path, name):
        return os.getxattr(path, name, follow_symlinks=False)

    def op_listxattr(self, path):
        # Btrfs shows trusted ones to everybody
        return sorted(n for n in os.listxattr(path, follow_symlinks=False) if 'SGI_ACL' not in n and n[:8] != 'trusted.')

    def op_removexattr(self, path, name):
        gid = os.lstat(path).st_gid
        if name == 'system.posix_acl_access' and os.geteuid() and gid != os.getegid() and gid in os.getgroups():
            return  # some file systems ask whether the owner is of the group, and FUSE tells of one of his
        os.removexattr(path, name, follow_symlinks=False)

    def run(self, op, args):
        os.chdir(self.root)
        os.umask(0)
        try:
            return getattr(self, 'op_' + op)(*args)
        except OSError as e:
            return 'E:' + errno.errorcode.get(e.errno, str(e.errno))
        except ValueError as e:
            return 'V:' + str(e)


def drop_cap(cap):
    """capset(2) with one capability less."""
    head, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    check(libc.capget(head, data))
    for i in range(3):
        data[i] &= ~(1 << cap)
    check(libc.capset(head, data))


def become(creds):
    uid, gid, groups = creds
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


class User:
    """A process with one user's credentials."""

    def __init__(self, creds, roots, no_fsetid):
        a, c = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            a.close()
            if no_fsetid and creds[0] == 0:
                drop_cap(4)  # CAP_FSETID
            become(creds)
            self.serve(c.makefile('rwb'), [Side(r) for r in roots])
            os._exit(0)
        c.close()
        self.socket, self.io = a, a.makefile('rwb')

    def end(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        os.waitpid(self.pid, 0)

    @staticmethod
    def serve(io, sides):
        while True:
            try:
                op, args = pickle.load(io)
            except EOFError:
                return
            pickle.dump([s.run(op, args) for s in sides], io)
            io.flush()

    def run(self, op, args):
        pickle.dump((op, args), self.io)
        self.io.flush()
        return pickle.load(self.io)


def random_acl(r):
    perm = lambda: r.randrange(8)
    entries = [(ACL_USER_OBJ, perm(), 0xffffffff)]
    named = sorted(r.sample(IDS, r.randrange(3)))
    entries += [(ACL_USER, perm(), i) for i in named]
    entries.append((ACL_GROUP_OBJ, perm(), 0xffffffff))
    groups = sorted(r.sample(IDS, r.randrange(3)))
    entries += [(ACL_GROUP, perm(), i) for i in groups]
    if named or groups:
        entries.append((ACL_MASK, perm(), 0xffffffff))
    entries.append((ACL_OTHER, perm(), 0xffffffff))
    if r.random() < 0.05:
        r.shuffle(entries)
    return acl(entries)


def path(r):
    depth = r.choice([0, 0, 1, 1, 2, 3])
    p = '/'.join(r.choice(NAMES[:5]) for _ in range(depth))
    last = r.choice(NAMES) if r.random() < 0.1 else r.choice(NAMES[:5])
    return (p + '/' if p else '') + last


def mode(r):
    return r.choice([0o644, 0o755, 0o777, 0o600, 0o2755, 0o4755, 0o6777, 0o1777, 0o2775, 0o000, 0o640, 0o2644])


def mask(r):
    return r.choice([0o022, 0, 0o077, 0o027])


def data(r):
    return bytes([r.randrange(256)]) * r.choice([0, 1, 10, 4095, 4096, 4097, 70000, 200000])


def value(r, name):
    if name.startswith('system.'):
        return random_acl(r) if r.random() < 0.95 else b'rubbish'
    if name == 'security.capability':
        return filecap(r.randrange(2)) if r.random() < 0.9 else b'x' * r.randrange(30)
    return b'v' * r.choice([0, 1, 100, 3000])


def xname(r):
    return r.choice(['user.a', 'user.b', 'user.' + 'x' * 200, 'trusted.t', 'security.capability', 'security.foo',
                     'system.posix_acl_access', 'system.posix_acl_access', 'system.posix_acl_default', 'bad.name'])


OPS = {
    'create': (10, lambda r: (path(r), r.choice([os.O_RDWR, os.O_WRONLY, os.O_RDONLY]) |
                              r.choice([0, os.O_EXCL, os.O_TRUNC, os.O_APPEND]), mode(r), mask(r), r.randrange(4))),
    'tmpfile': (1, lambda r: (path(r), mode(r), mask(r), r.randrange(4))),
    'open': (6, lambda r: (path(r), r.choice([os.O_RDWR, os.O_WRONLY, os.O_RDONLY]) |
                           r.choice([0, os.O_TRUNC, os.O_APPEND, os.O_NOFOLLOW, os.O_NOATIME, os.O_DIRECTORY, os.O_SYNC]),
                           r.randrange(4))),
    'close': (2, lambda r: (r.randrange(4),)),
    'write': (6, lambda r: (r.randrange(4), data(r))),
    'pwrite': (4, lambda r: (r.randrange(4), data(r), r.choice([0, 1, 4096, 100000, 1 << 33]))),
    'pread': (5, lambda r: (r.randrange(4), r.choice([1, 4096, 300000]), r.choice([0, 1, 5000]))),
    'ftruncate': (2, lambda r: (r.randrange(4), r.choice([0, 1, 4097, 1 << 20]))),
    'fstat': (2, lambda r: (r.randrange(4),)),
    'fchmod': (2, lambda r: (r.randrange(4), mode(r))),
    'fchown': (2, lambda r: (r.randrange(4), r.choice(IDS + [-1]), r.choice(IDS + [-1]))),
    'fsync': (1, lambda r: (r.randrange(4), r.random() < 0.5)),
    'fallocate': (3, lambda r: (r.randrange(4), r.choice([0, 1, 3, 0x10, 0x11]), r.choice([0, 4096, 5000]),
                                r.choice([0, 1, 4096, 50000]))),
    'seek': (2, lambda r: (r.randrange(4), r.choice([0, 1, 5000, 1 << 20]), r.choice([0, 2, 3, 4]))),
    'copy_range': (2, lambda r: (r.randrange(4), r.randrange(4), r.choice([1, 5000, 100000]), r.choice([0, 100]),
                                 r.choice([0, 100]))),
    'linkfd': (1, lambda r: (r.randrange(4), path(r))),
    'mkdir': (10, lambda r: (path(r), mode(r), mask(r))),
    'mknod': (3, lambda r: (path(r), mode(r) | r.choice([stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFREG, stat.S_IFCHR,
                                                         stat.S_IFBLK]), mask(r),
                            r.choice([0, os.makedev(1, 3), os.makedev(300, 70000)]))),
    'bind': (1, lambda r: (path(r),)),
    'symlink': (3, lambda r: (r.choice([path(r), '/nonexistent/nowhere', 'x' * 4095]), path(r))),
    'readlink': (2, lambda r: (path(r),)),
    'link': (4, lambda r: (path(r), path(r))),
    'rename': (8, lambda r: (path(r), path(r), r.choice([0, 0, 0, 1, 2, 4, 5, 3, 8]))),
    'unlink': (5, lambda r: (path(r),)),
    'rmdir': (3, lambda r: (path(r),)),
    'chmod': (6, lambda r: (path(r), mode(r))),
    'chown': (8, lambda r: (path(r), r.choice(IDS + [-1]), r.choice(IDS + [-1]))),
    'truncate': (3, lambda r: (path(r), r.choice([0, 1, 4097, 1 << 20]))),
    'utime': (3, lambda r: (path(r), (r.randrange(10**18), r.randrange(10**18)))),
    'lstat': (3, lambda r: (path(r),)),
    'stat': (3, lambda r: (path(r),)),
    'access': (3, lambda r: (path(r), r.randrange(8))),
    'list': (3, lambda r: (path(r),)),
    'opendir': (2, lambda r: (path(r), r.randrange(3))),
    'in_dir': (4, lambda r: (r.randrange(3), r.choice(NAMES), r.choice(['list', 'stat', 'mkdir', 'lookup']))),
    'setxattr': (8, lambda r: (lambda n: (path(r), n, value(r, n), r.choice([0, 0, 1, 2])))(xname(r))),
    'getxattr': (4, lambda r: (path(r), xname(r))),
    'listxattr': (2, lambda r: (path(r),)),
    'removexattr': (2, lambda r: (path(r), xname(r))),
}


def xattr(full, name):
    try:
        return os.getxattr(full, name, follow_symlinks=False)
    except OSError as e:
        return e.errno


def describe(full, known):
    try:
        st = os.lstat(full)
    except PermissionError as e:
        return e.errno
    d = [attrs(st), known.setdefault(st.st_ino, len(known))]
    d.append({n: xattr(full, n) for n in sorted(os.listxattr(full, follow_symlinks=False))
              if 'SGI_ACL' not in n})  # XFS shows what is on the disk, with the ids there
    if stat.S_ISLNK(st.st_mode):
        d.append(os.readlink(full))
    if stat.S_ISREG(st.st_mode):
        try:
            with open(full, 'rb') as f:
                d.append(hashlib.md5(f.read(1 << 20)).hexdigest())
        except PermissionError as e:
            d.append(e.errno)
    return d


def tree(root):
    known, found = {}, {}
    for base, dirs, files in os.walk(root):
        dirs.sort()
        for name in sorted(dirs + files):
            full = os.path.join(base, name)
            found[os.path.relpath(full, root)] = describe(full, known)
    return found


def numbers(root):
    """What readdir says of inode numbers is what stat says."""
    for base, _, _ in os.walk(root):
        if not os.access(base, os.R_OK | os.X_OK):
            continue  # for a user
        with os.scandir(base) as it:
            for e in it:
                if e.inode() != os.lstat(e.path).st_ino:
                    return e.path
    return None


def owners(source, view, shift):
    for base, dirs, files in os.walk(source):
        for name in dirs + files:
            full = os.path.join(base, name)
            a, c = os.lstat(full), os.lstat(os.path.join(view, os.path.relpath(full, source)))
            if (a.st_uid - shift, a.st_gid - shift, a.st_ino) != (c.st_uid, c.st_gid, c.st_ino):
                return '%s: %d:%d shown as %d:%d' % (full, a.st_uid, a.st_gid, c.st_uid, c.st_gid)
    return None


def compare_as(a, creds):
    """What a user finds, where root may do no more than that user either."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            become(creds)
            os.write(w, (compare_trees(a) or '').encode()[:4000])
            os._exit(0)
        finally:
            os._exit(1)
    os.close(w)
    with open(r, 'rb') as f:
        found = f.read().decode()
    return 'the comparison failed' if os.waitpid(pid, 0)[1] else found or None


def compare_trees(a):
    plain, view = tree(a.plain), tree(a.view)
    for p in sorted(set(plain) | set(view)):
        if plain.get(p) != view.get(p):
            return '%r differs:\n  plain %s\n  view  %s' % (p, plain.get(p), view.get(p))
    wrong = numbers(a.view)
    if wrong:
        return 'd_ino of %r is not its st_ino' % wrong
    return owners(a.source, a.view, a.shift) if a.source else None


class Run:
    """Four users at work in both trees, below directories of their own."""

    def __init__(self, a, below):
        self.a = argparse.Namespace(**vars(a))
        for name in ('plain', 'view', 'source'):
            if below and getattr(a, name):
                setattr(self.a, name, os.path.join(getattr(a, name), below))
        if below:
            for d in (self.a.plain, self.a.view):
                os.mkdir(d)
                os.chmod(d, 0o777)
        self.users = [User(u, (self.a.plain, self.a.view), a.no_fsetid) for u in USERS]

    def step(self, who, op, args):
        """The result, and what is wrong with it, if anything."""
        plain, view = self.users[who].run(op, args)
        nodev = self.a.nodev and (plain, view) == ('E:ENXIO', 'E:EACCES')
        if plain == view or nodev:
            return plain, None
        return plain, 'here the plain directory says %r,\n  and the view %r' % (str(plain)[:500], str(view)[:500])

    def compare(self):
        alone = [u for u in USERS if self.a.user == u[0]]
        return compare_as(self.a, alone[0]) if alone else compare_trees(self.a)

    def end(self):
        for u in self.users:
            u.end()


def fails(a, steps, count=[0]):
    """Whether these steps alone, in new directories, end with a difference. Return: which, or None."""
    count[0] += 1
    run = Run(a, 'again-%d' % count[0])
    wrong = None
    for s in steps:
        wrong = wrong or run.step(*s)[1]
    wrong = wrong or run.compare()
    run.end()
    return wrong


def shrink(a, steps, seconds=60):
    """As few of the steps as can be found in that time that still end with a difference."""
    end, size = time.monotonic() + seconds, len(steps) // 2
    while size and time.monotonic() < end:
        at = 0
        while at < len(steps) and time.monotonic() < end:
            less = steps[:at] + steps[at + size:]
            if fails(a, less):
                steps = less
            else:
                at += size
        size //= 2
    return steps


def report(a, run, steps, text):
    print('step %d, seed %d: %s' % (len(steps) - 1, a.seed, text), flush=True)
    run.end()
    if not fails(a, steps):
        print('the same steps in a new directory do not differ; the last ones were')
        steps = steps[-a.log:]
    else:
        steps = shrink(a, steps)
        print('in a new directory %d steps are enough: %s' % (len(steps), fails(a, steps)))
    for who, op, args in steps:
        print(('  user %s: %s%r' % (USERS[who][0], op, args))[:300])
    sys.exit(1)


KERNEL = tuple(int(x) for x in re.findall(r'\d+', os.uname().release)[:2])


def has_tmpfile(view):
    """False only where the kernel cannot pass it on."""
    if KERNEL >= (6, 1):
        return True
    try:
        os.close(os.open(view, os.O_TMPFILE | os.O_RDWR))
    except OSError as e:
        return e.errno != errno.EOPNOTSUPP
    return True


def main():
    p = argparse.ArgumentParser()
    p.add_argument('plain'), p.add_argument('view')
    p.add_argument('--seed', type=int, default=int(os.environ.get('SHIFTFS_SEED') or random.SystemRandom().randrange(1 << 32)))
    p.add_argument('--steps', type=int, default=5000)
    p.add_argument('--source'), p.add_argument('--shift', type=int, default=100000)
    p.add_argument('--nodev', action='store_true', help='devices (0:0 are whiteouts) cannot be opened in VIEW')
    p.add_argument('--no-fsetid', action='store_true', help='root has no CAP_FSETID: its writes clear suid bits')
    p.add_argument('--log', type=int, default=12, help='how many operations are shown of a failure that does not come again')
    p.add_argument('--closely', type=int, default=1 << 62, help='from this step on the trees are compared after each one')
    p.add_argument('--ignore', action='append', default=[], help='an operation that is left out')
    p.add_argument('--user', type=int, help='who does everything, also looks at the results')
    p.add_argument('--no-callers', action='store_true', help='the kernel does not tell who changes an owner')
    a = p.parse_args()
    if a.no_callers:
        OWNERS_TOLD.clear()
    print('seed %d' % a.seed, flush=True)
    r, steps, worked = random.Random(a.seed), [], set()
    run = Run(a, None)
    if not has_tmpfile(a.view):
        print('FUSE has no O_TMPFILE before Linux 6.1: left out')
        a.ignore.append('tmpfile')
    if KERNEL < (5, 14): # as far as is known; 5.10 has none
        print('FUSE of this kernel has no FALLOC_FL_ZERO_RANGE: left out')
        OPS['fallocate'] = OPS['fallocate'][0], lambda r, old=OPS['fallocate'][1]: (lambda slot, mode, *rest: (slot, mode & ~0x10, *rest))(*old(r))
    names = [n for n in OPS if n not in a.ignore]
    workers = [w for w in (0, 0, 1, 1, 2, 3) if a.user in (None, USERS[w][0])]
    weights = [OPS[n][0] for n in names]
    for step in range(a.steps):
        op = r.choices(names, weights)[0]
        who = r.choice(workers)
        # of root's these leave suid bits; that this root has no CAP_FSETID is not told
        if a.no_fsetid and who == 0 and op in ('fallocate', 'copy_range', 'removexattr'):
            who = 1
        steps.append((who, op, OPS[op][1](r)))
        result, wrong = run.step(*steps[-1])
        if not (isinstance(result, str) and result[:2] in ('E:', 'V:')):
            worked.add(op)
        if not wrong and (step % 250 == 249 or step == a.steps - 1 or step >= a.closely):
            wrong = run.compare()
        if wrong:
            report(a, run, steps, wrong)
    print('%d steps; succeeded at least once: %s' % (a.steps, ' '.join(sorted(worked))))
    missing = set(names) - worked
    if a.steps >= 20000 and len(missing) > 3:
        sys.exit('operations that never succeeded, so were not tested: %s' % ' '.join(sorted(missing)))


main()
