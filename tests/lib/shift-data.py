#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random writes, maps, holes and truncations of one file through VIEW, against a model, seen in BACKING.

    shift-data.py VIEW BACKING [SEED]
"""
import ctypes, errno, mmap, os, random, shutil, sys

view, backing = sys.argv[1] + '/data', sys.argv[2] + '/data'
seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 32)
r = random.Random(seed)
print('seed %d' % seed)
libc = ctypes.CDLL(None, use_errno=True)
MAX = 300000
model = bytearray()


def check(what, holds):
    if not holds:
        sys.exit('seed %d: %s' % (seed, what))


def put(at, data):
    if at > len(model):
        model.extend(bytes(at - len(model)))
    model[at:at + len(data)] = data


fd = os.open(view, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
for step in range(600):
    op = r.choice(['write', 'map', 'truncate', 'punch', 'zero', 'copy', 'read', 'append', 'other'])
    at, n = r.randrange(MAX), r.randrange(1, 40000)
    data = bytes([r.randrange(1, 256)]) * n
    if op == 'write':
        os.pwrite(fd, data, at)
        put(at, data)
    elif op == 'append':
        a = os.open(view, os.O_WRONLY | os.O_APPEND)
        if len(model) < MAX:
            os.write(a, data)
            put(len(model), data)
        os.close(a)
    elif op == 'other':  # in the directory itself
        b = os.open(backing, os.O_RDWR)
        if at < len(model):
            data = data[:len(model) - at]
            os.pwrite(b, data, at)
            put(at, data)
        os.close(b)
    elif op == 'map' and len(model) > 0:
        at %= len(model)
        data = data[:len(model) - at]
        with mmap.mmap(fd, len(model)) as m:
            m[at:at + len(data)] = data
            check('a map shows what was written', m[:] == bytes(model[:at]) + data + bytes(model[at + len(data):]))
        put(at, data)
    elif op == 'truncate':
        os.ftruncate(fd, at)
        if at < len(model):
            del model[at:]
        else:
            put(at, b'')
    elif op in ('punch', 'zero') and len(model):
        mode = 3 if op == 'punch' else 0x11
        if libc.fallocate(fd, mode, ctypes.c_long(at), ctypes.c_long(n)) == 0:
            end = min(len(model), at + n)
            if at < end:
                model[at:end] = bytes(end - at)
        else:
            check('fallocate: %d' % ctypes.get_errno(), ctypes.get_errno() == errno.EOPNOTSUPP)
    elif op == 'copy' and len(model) > n:
        src = os.open(view, os.O_RDONLY)
        got = os.copy_file_range(src, fd, n // 2, 0, len(model))
        os.close(src)
        put(len(model), bytes(model[:got]))
    check('size after %s' % op, os.fstat(fd).st_size == len(model))
    with open(view if r.random() < 0.5 else backing, 'rb') as f:
        check('contents after %s, step %d' % (op, step), f.read() == model)
big = os.open(view + '.big', os.O_RDWR | os.O_CREAT)
os.pwrite(big, b'far', 5 << 30)
check('5 GiB', os.fstat(big).st_size == (5 << 30) + 3 and os.pread(big, 3, 5 << 30) == b'far')
check('SEEK_DATA', os.lseek(big, 0, os.SEEK_DATA) > 4 << 30)
check('SEEK_HOLE', os.lseek(big, 0, os.SEEK_HOLE) == 0)
check('few blocks', os.fstat(big).st_blocks < 1000)
# positions in a directory stay good while entries come and go
d = sys.argv[1] + '/dir'
os.mkdir(d)
for i in range(1000):
    open('%s/%04d' % (d, i), 'w').close()
libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
libc.telldir.restype = ctypes.c_long
h = ctypes.c_void_p(libc.opendir(os.fsencode(d)))


def next_name():
    e = libc.readdir(h)
    return ctypes.string_at(e + 19).decode() if e else None


places, seen = {}, []
while True:
    where = libc.telldir(h)
    name = next_name()
    if name is None:
        break
    places[name] = where
    seen.append(name)
check('each entry once', len(seen) == len(set(seen)) == 1002)
for i in range(0, 1000, 3):
    os.unlink('%s/%04d' % (d, i))
for name in r.sample([n for n in seen if n[0] != '.' and int(n) % 3], 50):
    libc.seekdir(h, ctypes.c_long(places[name]))
    check('seekdir to %s' % name, next_name() == name)
shutil.rmtree(d)
os.unlink(view + '.big')
os.unlink(view)
print('all as it should be')
