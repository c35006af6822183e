#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a container image out of directories, one layer each, as `docker save` would print it.

    image.py OUT.tar NAME[:TAG] DIRECTORY... [--remove PATH] [--capability PATH] [--config JSON]

--remove PATH: the last layer removes that path of a lower one. --capability PATH: that file of the
first layer has the file capability cap_chown+ep. docker, podman and `ctr image import` read the result.
"""
import argparse, hashlib, io, json, os, struct, tarfile

def layer(directory, removed, capable):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        def change(info):
            info.mtime = 1600000000
            info.uname = info.gname = ""
            if info.name in capable:
                # struct vfs_cap_data, revision 2, effective: linux/capability.h
                value = struct.pack("<IIIII", 0x02000001, 1, 0, 0, 0)
                info.pax_headers["SCHILY.xattr.security.capability"] = value.decode("latin-1")
            return info
        for entry in sorted(os.listdir(directory)):
            tar.add(os.path.join(directory, entry), arcname=entry, filter=change)
        for path in removed:
            head, tail = os.path.split(path)
            info = tarfile.TarInfo(os.path.join(head, ".wh." + tail))
            info.mtime = 1600000000
            tar.addfile(info)
    return out.getvalue()

def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out")
    ap.add_argument("name")
    ap.add_argument("directories", nargs="+")
    ap.add_argument("--remove", action="append", default=[])
    ap.add_argument("--capability", action="append", default=[])
    ap.add_argument("--config", default="{}")
    a = ap.parse_args()
    layers = []
    for i, d in enumerate(a.directories):
        last = i == len(a.directories) - 1
        layers.append(layer(d, a.remove if last else [], a.capability if i == 0 else []))
    digests = [hashlib.sha256(data).hexdigest() for data in layers]
    config = {
        "architecture": "amd64", "os": "linux", "created": "2020-09-13T12:26:40Z",
        "config": json.loads(a.config),
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + d for d in digests]},
        "history": [{"created": "2020-09-13T12:26:40Z", "created_by": "tests"} for _ in layers],
    }
    text = json.dumps(config).encode()
    name = hashlib.sha256(text).hexdigest() + ".json"
    tag = a.name if ":" in a.name else a.name + ":latest"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": [d + "/layer.tar" for d in digests]}]
    with tarfile.open(a.out, "w") as tar:
        def add(path, data):
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for d, data in zip(digests, layers): add(d + "/layer.tar", data)
        add(name, text)
        add("manifest.json", json.dumps(manifest).encode())

main()
