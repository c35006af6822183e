# SPDX-License-Identifier: Apache-2.0
"""For shift-posix.py: callers with capabilities of their own, and the calls that Linux has beyond POSIX."""
import collections, ctypes, fcntl, mmap, os, resource, select, signal, stat, struct

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_FOLLOW, AT_EMPTY = -100, 0x400, 0x1000
SYS_FACCESSAT2, SYS_FCHMODAT2 = 439, 452  # on every architecture
PR_SET_KEEPCAPS = 8

# A caller: capabilities as bits (None: what that user has), and a real id that is not the effective one.
Caller = collections.namedtuple('Caller', 'uid groups caps real', defaults=(None, None))


def check(r):
    if r < 0:
        raise OSError(ctypes.get_errno(), '')
    return r


def raw(path):
    return os.fsencode(path)


def caller(user):
    """Of what families say: a user id, (user id, group ids...), or a Caller."""
    if isinstance(user, int):
        return Caller(user, (user,))
    return user if isinstance(user, Caller) else Caller(user[0], user[1:])


def set_caps(bits):
    head, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    check(libc.capget(head, data))
    for half in (0, 1):
        wanted = data[half * 3 + 1] & (bits >> 32 * half)
        data[half * 3], data[half * 3 + 1], data[half * 3 + 2] = wanted, wanted, 0
    check(libc.capset(head, data))


def become(user):
    who = caller(user)
    os.setgroups(who.groups)
    os.setresgid(*[who.groups[0]] * 3)
    if who.caps is not None:
        check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setresuid(who.uid if who.real is None else who.real, who.uid, who.uid)
    if who.caps is not None:
        set_caps(who.caps)


class Dirent(ctypes.Structure):
    _fields_ = [('ino', ctypes.c_uint64), ('off', ctypes.c_int64), ('len', ctypes.c_uint16), ('type', ctypes.c_uint8),
                ('name', ctypes.c_char * 256)]


libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
EVENTS = {1: 'access', 2: 'modify', 4: 'attrib', 8: 'close-write', 0x10: 'close', 0x20: 'open', 0x40: 'from', 0x80: 'to',
          0x100: 'create', 0x200: 'delete', 0x400: 'delete-self', 0x800: 'move-self', 0x8000: 'ignored', 0x40000000: 'dir'}


class LinuxCalls:
    """Mixed into Calls, which keeps open files by slot (fd(), fds)."""

    def do_tmpfile(self, p, flags, mode, slot=0):
        fd = check(libc.open(raw(p), flags | os.O_TMPFILE | os.O_CLOEXEC, mode))
        self.do_close(slot)
        self.fds[slot] = fd

    def do_link_open(self, p, slot=0):
        check(libc.linkat(AT_FDCWD, raw('/proc/self/fd/%d' % self.fd(slot)), AT_FDCWD, raw(p), AT_FOLLOW))

    def do_link_empty(self, p, slot=0):
        check(libc.linkat(self.fd(slot), b'', AT_FDCWD, raw(p), AT_EMPTY))

    def do_reopen(self, flags, slot=0):
        os.close(check(libc.open(raw('/proc/self/fd/%d' % self.fd(slot)), flags | os.O_CLOEXEC)))

    def do_with_rights_of(self, uid, call, *args):
        """A call by somebody else, with what is open here."""
        groups = os.getgroups()
        os.setgroups([uid]), os.setegid(uid), os.seteuid(uid)
        try:
            return getattr(self, 'do_' + call)(*args)
        finally:
            os.seteuid(0), os.setegid(0), os.setgroups(groups)

    def do_chown_empty(self, uid, gid, slot=0):
        check(libc.fchownat(self.fd(slot), b'', uid, gid, AT_EMPTY))

    def do_fchmodat2(self, p, mode, flags):
        check(libc.syscall(SYS_FCHMODAT2, AT_FDCWD, raw(p), mode, flags))

    def do_chmod_empty(self, mode, slot=0):
        check(libc.syscall(SYS_FCHMODAT2, self.fd(slot), b'', mode, AT_EMPTY))

    def do_faccessat2(self, p, mode, flags):
        check(libc.syscall(SYS_FACCESSAT2, AT_FDCWD, raw(p), mode, flags))

    def do_unlinkat(self, p, flags):
        check(libc.unlinkat(AT_FDCWD, raw(p), flags))

    def do_copy(self, n, at, to, source=0, target=1):
        return os.copy_file_range(self.fd(source), self.fd(target), n, at, to)

    def do_map(self, data, at, slot=0):
        with mmap.mmap(self.fd(slot), 0) as m:
            m[at:at + len(data)] = data
            m.flush()

    def do_map_read(self, at, slot=0):
        with mmap.mmap(self.fd(slot), 0, prot=mmap.PROT_READ) as m:
            return m[at]

    def do_limited(self, limit, call, *args):
        """A call that may not make a file larger than that; what it says, and how often SIGXFSZ came."""
        told, before = [], resource.getrlimit(resource.RLIMIT_FSIZE)
        signal.signal(signal.SIGXFSZ, lambda *_: told.append(1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            said = getattr(self, 'do_' + call)(*args)
        except OSError as e:
            said = -e.errno
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        return said, len(told)

    def do_free(self, p):
        """What statvfs(3) tells and does not change by the minute."""
        st = os.statvfs(p)
        return st.f_bsize, st.f_frsize, st.f_blocks, st.f_files, st.f_namemax, st.f_flag & os.ST_RDONLY

    def do_mount_on(self, p):
        """A directory or a file of another file system, by binding."""
        check(libc.mount(b'/usr' if os.path.isdir(p) else b'/usr/bin/env', raw(p), None, 4096, None))

    def do_unmount(self, p):
        check(libc.umount2(raw(p), 2))

    def do_seek(self, at, whence, slot=0):
        return os.lseek(self.fd(slot), at, whence)

    def do_flock(self, op, slot=0):
        fcntl.flock(self.fd(slot), op)

    def do_fcntl(self, cmd, arg=0, slot=0):
        return fcntl.fcntl(self.fd(slot), cmd, arg)

    def do_fdatasync(self, slot=0):
        os.fdatasync(self.fd(slot))

    def do_advise(self, at, n, advice, slot=0):
        os.posix_fadvise(self.fd(slot), at, n, advice)

    def do_send(self, n, source=0, target=1):
        return os.sendfile(self.fd(target), self.fd(source), 0, n)

    def do_write_with(self, data, at, flags, slot=0):
        return os.pwritev(self.fd(slot), [data], at, flags)

    def do_read_dir(self, slot=0):
        return sorted(os.listdir(self.fd(slot)))

    def do_dirents(self, p):
        """Names and types, and whether each number is what stat has."""
        d = libc.opendir(raw(p))
        if not d:
            raise OSError(ctypes.get_errno(), '')
        found = []
        while True:
            e = libc.readdir(ctypes.c_void_p(d))
            if not e:
                break
            e = ctypes.cast(e, ctypes.POINTER(Dirent)).contents
            st = os.lstat(os.path.join(raw(p), e.name))
            found.append((e.name, e.type == stat.S_IFMT(st.st_mode) >> 12, e.ino == st.st_ino))
        libc.closedir(ctypes.c_void_p(d))
        return sorted(found)

    def do_set(self, p, name, value, flags=0):
        check(libc.lsetxattr(raw(p), raw(name), value, ctypes.c_size_t(len(value)), flags))

    def do_get(self, p, name, size=65536):
        b = ctypes.create_string_buffer(size or 1)
        n = check(libc.lgetxattr(raw(p), raw(name), b, ctypes.c_size_t(size)))
        return b.raw[:n] if size else n

    def do_names(self, p, size=65536):
        """Names of attributes: all, or how long they are; XFS shows besides what is on the disk."""
        b = ctypes.create_string_buffer(size or 1)
        n = check(libc.llistxattr(raw(p), b, ctypes.c_size_t(size)))
        names = sorted(x for x in b.raw[:n].split(b'\0') if x and b'SGI_ACL' not in x)
        return names if size else n

    def do_attributes(self, p):
        return {n: os.getxattr(p, n, follow_symlinks=False) for n in self.do_names(p)}

    def do_fset(self, name, value, slot=0):
        check(libc.fsetxattr(self.fd(slot), raw(name), value, ctypes.c_size_t(len(value)), 0))

    def do_remove_here(self, call):
        """A call in a directory that has been removed."""
        os.rmdir('../d')
        return getattr(self, 'do_' + call[0])(*call[1:])

    def do_watch(self, p, mask=0xfff, slot=8):
        fd = self.fds.get(slot) or check(libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
        self.fds[slot] = fd
        return check(libc.inotify_add_watch(fd, raw(p), mask))

    def do_events(self, slot=8):
        """What was told of since the last look. Closing and what follows from it may be told a little later."""
        found = []
        while select.select([self.fd(slot)], [], [], 0.02)[0]:
            b, at = os.read(self.fd(slot), 65536), 0
            while at < len(b):
                wd, mask, _, n = struct.unpack_from('iIII', b, at)
                found.append((wd, [EVENTS.get(1 << i, i) for i in range(32) if mask >> i & 1],
                              b[at + 16:at + 16 + n].strip(b'\0')))
                at += 16 + n
        return found

    def do_forget_events(self, slot=8):
        self.do_close(slot)


def acl(*entries):
    """(tag, permissions[, id])..."""
    return struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *(e if len(e) == 3 else e + (0xffffffff,))) for e in entries)


def filecap(version=2, root=0):
    """cap_net_raw=ep."""
    data = struct.pack('<IIIII', version << 24 | 1, 0x2000, 0, 0, 0)
    return data + struct.pack('<I', root) if version == 3 else data
