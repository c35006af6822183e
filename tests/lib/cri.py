#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A kubelet's calls to containerd's CRI plugin, as far as the tests need them.

    cri.py SOCKET run-pod NAME HANDLER [ANNOTATION=VALUE]...   prints the sandbox's id
    cri.py SOCKET create POD-ID POD-NAME NAME IMAGE COMMAND... prints the container's id
    cri.py SOCKET start|stop|remove ID
    cri.py SOCKET exec ID COMMAND...     its output and status
    cri.py SOCKET stop-pod|remove-pod ID

CRI_HOST_IDS=BASE: pods have a user namespace of their own ("hostUsers: false") of 65536 ids from BASE.

CRI_MOUNT=HOST:PATH: something of the host, in containers; those of a user namespace of their own see its owners, as
a kubelet asks for.

CRI_READONLY="PATH ...": what containers may not write, as a kubelet says of /proc/sys.

Messages are written field by field (api.proto of k8s.io/cri-api, runtime.v1): generated code would be
one more thing to install.
"""
import os
import sys
import grpc

def varint(n):
    out = bytearray()
    while True:
        out.append((n & 0x7f) | (0x80 if n > 0x7f else 0))
        n >>= 7
        if not n:
            return bytes(out)

def field(number, value):
    """One field: an int, text, or the bytes of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value

def fields(data):
    """The fields of a message as {number: last value}; lengths and varints only."""
    out, i = {}, 0
    def number():
        nonlocal i
        n = shift = 0
        while True:
            b = data[i]
            i += 1
            n |= (b & 0x7f) << shift
            shift += 7
            if b < 0x80:
                return n
    while i < len(data):
        key = number()
        if key & 7 == 0:
            out[key >> 3] = number()
        else:
            size = number()
            out[key >> 3] = data[i:i + size]
            i += size
    return out

def mapping():
    """The ids of a pod that has its own, or nothing."""
    base = os.environ.get("CRI_HOST_IDS")
    return field(1, int(base)) + field(2, 0) + field(3, 65536) if base else None

def namespaces():
    """Its own pid namespace for each container (CONTAINER); network and ipc are the pod's (POD = 0)."""
    ids = mapping()
    return field(2, 1) + (field(5, field(1, 0) + field(2, ids) + field(3, ids)) if ids else b"")

def mount(what):
    host, path = what.split(":")
    ids = mapping()
    return field(1, path) + field(2, host) + (field(6, ids) + field(7, ids) if ids else b"")

def pod_config(name):
    metadata = field(1, name) + field(2, name + "-uid") + field(3, "default") + field(4, 0)
    linux = field(2, field(1, namespaces()))
    return field(1, metadata) + field(2, name) + field(8, linux)

class Client:
    def __init__(self, socket):
        self.channel = grpc.insecure_channel("unix://" + socket)

    def call(self, name, request):
        stub = self.channel.unary_unary("/runtime.v1.RuntimeService/" + name)
        return fields(stub(request, timeout=60))

def main():
    socket, command, *a = sys.argv[1:]
    c = Client(socket)
    if command == "run-pod":
        print(c.call("RunPodSandbox", field(1, pod_config(a[0])) + field(2, a[1]))[1].decode())
    elif command == "create":
        pod, pod_name, name, image, *args = a
        config = field(1, field(1, name)) + field(2, field(1, image))
        config += b"".join(field(3, x) for x in args)
        if "CRI_MOUNT" in os.environ:
            config += field(7, mount(os.environ["CRI_MOUNT"]))
        paths = b"".join(field(14, x) for x in os.environ.get("CRI_READONLY", "").split())
        config += field(15, field(2, field(3, namespaces()) + paths))
        request = field(1, pod) + field(2, config) + field(3, pod_config(pod_name))
        print(c.call("CreateContainer", request)[1].decode())
    elif command == "exec":
        answer = c.call("ExecSync", field(1, a[0]) + b"".join(field(2, x) for x in a[1:]) + field(3, 30))
        sys.stdout.write(answer.get(1, b"").decode() + answer.get(2, b"").decode())
        sys.exit(answer.get(3, 0))
    else:
        names = {"start": "StartContainer", "stop": "StopContainer", "remove": "RemoveContainer",
                 "stop-pod": "StopPodSandbox", "remove-pod": "RemovePodSandbox"}
        c.call(names[command], field(1, a[0]))

try:
    main()
except grpc.RpcError as e:
    sys.exit("cri.py: " + e.details())
