# SPDX-License-Identifier: Apache-2.0
"""cloister-sockproxy beside the engine's socket itself and HAProxy, set up as Docker socket proxies do.

All three are Unix sockets of one dockerd, asked by one client in C (httpload.c), in changing order.
"""
import json, os, shutil, statistics, subprocess, sys
from common import *
from docker import Docker, eventually, load_image

LOAD = top + "/tests/bench/httpload"
HAPROXY = shutil.which("haproxy") or shutil.which("/usr/sbin/haproxy")
CONFIG = """global
    log stderr local0 err
    maxconn 4000
    nbthread 1
defaults
    mode http
    timeout client 10m
    timeout connect 10s
    timeout server 10m
frontend dockerfrontend
    bind unix@%s
    http-request deny unless METH_GET
    http-request allow if { path,url_dec -m reg -i ^(/v[\\d\\.]+)?/_ping }
    http-request allow if { path,url_dec -m reg -i ^(/v[\\d\\.]+)?/containers }
    http-request deny
    default_backend dockerbackend
backend dockerbackend
    server dockersocket unix@%s
"""

def background(argv, path, undo):
    p = subprocess.Popen(argv, stdin=NULL, stdout=NULL, stderr=ERRORS)
    undo.append(lambda: (p.terminate(), p.wait()))
    if not eventually(5, lambda: os.path.exists(path)): sys.exit("bench: %s does not start: %s" % (argv[0], errors()))
    return p.pid

def start(work, engine, undo):
    ours = work + "/proxy.sock"
    pid = background([sys.executable, source + "/tests/lib/sockproxy.py", top + "/src/cloister-sockproxy", ours, engine, "deny:push"], ours, undo)
    sockets = {"direct": engine, "cloister": ours}
    if HAPROXY:
        path = work + "/haproxy.sock"
        open(work + "/haproxy.cfg", "w").write(CONFIG % (path, engine))
        background([HAPROXY, "-f", work + "/haproxy.cfg"], path, undo)
        sockets["haproxy"] = path
    else: note("no haproxy here")
    return sockets, pid

def both(pid):
    children = open("/proc/%d/task/%d/children" % (pid, pid)).read().split()
    return [pid] + [int(c) for c in children]

def requests(a, table, sockets):
    seconds = "0.3"  # many short rounds, one after another: what else the machine does falls on all
    for path in "/_ping", "/containers/json":
        for connections in "1", "10", "50":
            things = {name: lambda s=s: float(output([LOAD, s, path, connections, seconds])) for name, s in sockets.items()}
            got = alternate(things, 3 if a.quick else 15)
            for peer in got:
                if peer == "cloister": continue
                table.add("`GET %s`, %s connections / %s" % (path, connections, peer), "%.0f/s" % statistics.median(got["cloister"]),
                          "%.0f/s" % statistics.median(got[peer]), ratio(got["cloister"], got[peer]), "≥ 0.7" if peer == "direct" else "> 1")

def decide(a, table, work, docker):
    """What create does to decide the mounts of a container, without and with the engine's socket among them."""
    note("deciding mounts")
    docker.ask("create", "--name", "judged", "--network", "none", "busybox", "true")
    one = json.loads(docker.ask("inspect", "judged").stdout)[0]
    volumes = work + "/volumes"
    sources = [volumes + "/" + name for name in ("data", "cache", "log")]
    for d in sources: os.makedirs(d)
    files = [volumes + "/" + name for name in ("resolv.conf", "hostname", "hosts")]
    for f in files: open(f, "w").close()
    settings = work + "/admin-settings.json"
    json.dump({"enhancedContainerIsolation": {"value": True, "dockerSocketMount": {"imageList": {"images": [one["Image"]]}}}}, open(settings, "w"))
    merged = one["GraphDriver"]["Data"]["MergedDir"]
    argv = [top + "/tests/bench/policy", "20" if a.quick else "200", settings, one["Id"], os.path.dirname(merged) + "/diff"] + sources + files
    took = lambda extra: lambda: int(output(argv + extra)) / 1000
    got = alternate({"files": took([]), "socket": took([docker.dir + "/sock"])}, 3 if a.quick else 15)
    show = lambda v: "%.2f ms" % (statistics.median(v) / 1000)
    table.add("deciding a root file system and 6 mounts of a container of Docker's", show(got["files"]), "", "", "< 1 ms")
    table.add("... and the engine's socket, by the container's image", show(got["socket"]), "", "", "< 50 ms")
    docker.ask("rm", "judged")

def logs(a, table, docker, sockets):
    mib = 64 if a.quick else 1024
    docker.ask("run", "--name", "talk", "--network", "none", "busybox", "sh", "-c",
               "yes %s | head -c %d" % ("x" * 200, mib << 20))
    path = "/containers/talk/logs?stdout=1&follow=1"
    things = {name: lambda s=s: float(output([LOAD, s, path])) for name, s in sockets.items() if name != "haproxy"}
    got = alternate(things, 3)
    rate = lambda v: "%.0f MiB/s" % (statistics.median(v) / (1 << 20))
    table.add("logs, %d MiB / direct" % mib, rate(got["cloister"]), rate(got["direct"]), ratio(got["cloister"], got["direct"]), "≥ 0.9")

def measure(a, table, work, root, engines, undo):
    if not shutil.which("dockerd"): return note("no Docker here")
    docker = Docker(work, {"cloister": CLOISTER}, undo)
    load_image(docker, work, root)
    sockets, pid = start(work, docker.dir + "/sock", undo)
    output([LOAD, sockets["cloister"], "/containers/json", "1", "0.2"])
    pss = lambda: memory(both(pid))["Pss"]
    table.add("the proxy's processes, PSS", "%d KiB" % pss(), "", "", "< 2048")
    decide(a, table, work, docker)
    requests(a, table, sockets)
    logs(a, table, docker, sockets)
    table.add("... after all that", "%d KiB" % pss(), "", "", "< 2048")
