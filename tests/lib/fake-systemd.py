#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""fake-systemd.py LOG: as much of org.freedesktop.systemd1 as cloister-systemd talks to.

On the bus of $DBUS_SYSTEM_BUS_ADDRESS. Moves PIDs into a cgroup of the unit's slice and name in
every hierarchy, as systemd would, and appends each call to LOG, one JSON array a line. Names of
units choose what goes wrong: "…-fails.scope", "…-exists.scope" (until it is reset)."""
import glob
import json
import os
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

SERVICE = "org.freedesktop.systemd1"
log_path = sys.argv[1]
units, reset = {}, set()


def hierarchies():
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return ["/sys/fs/cgroup"]
    return [p for p in glob.glob("/sys/fs/cgroup/*") if os.path.exists(p + "/cgroup.procs")]


def prepare(top, path):
    """A v1 cpuset has to be told its CPUs, level by level."""
    here = top
    for part in path.split("/"):
        below = here + "/" + part
        os.makedirs(below, exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            if top.endswith("/cpuset") and not open(f"{below}/{name}").read().strip():
                with open(f"{below}/{name}", "w") as f:
                    f.write(open(f"{here}/{name}").read())
        here = below
    return here


def plain(value):
    if isinstance(value, dbus.Boolean):
        return bool(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    return [plain(v) for v in value]


def error(name, text):
    return dbus.exceptions.DBusException(text, name=f"{SERVICE}.{name}")


class Unit(dbus.service.Object):
    def __init__(self, bus, path, cgroup):
        super().__init__(bus, path)
        self.cgroup = cgroup

    @dbus.service.method("org.freedesktop.DBus.Properties", in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        assert (interface, name) == (SERVICE + ".Scope", "ControlGroup")
        return "/" + self.cgroup


class Manager(dbus.service.Object):
    jobs = 0

    def note(self, *call):
        with open(log_path, "a") as f:
            f.write(json.dumps(call) + "\n")

    @dbus.service.signal(SERVICE + ".Manager", signature="uoss")
    def JobRemoved(self, number, job, unit, result):
        pass

    def job(self, unit, result):
        self.jobs += 1
        path = f"/org/freedesktop/systemd1/job/{self.jobs}"
        # The answer to the call may come after its signal: both orders, in turn.
        if self.jobs % 2:
            self.JobRemoved(self.jobs, path, unit, result)
        else:
            GLib.timeout_add(20, self.JobRemoved, self.jobs, path, unit, result)
        return dbus.ObjectPath(path)

    @dbus.service.method(SERVICE + ".Manager")
    def Subscribe(self):
        self.note("Subscribe")

    @dbus.service.method(SERVICE + ".Manager", in_signature="ssa(sv)a(sa(sv))", out_signature="o")
    def StartTransientUnit(self, unit, mode, properties, aux):
        properties = {str(k): plain(v) for k, v in properties}
        self.note("StartTransientUnit", unit, mode, properties)
        if unit.endswith("-exists.scope") and unit not in reset:
            raise error("UnitExists", f"Unit {unit} already exists.")
        if unit.endswith("-fails.scope"):
            return self.job(unit, "failed")
        cgroup = f"{properties['Slice']}/{unit}"
        for top in hierarchies():
            with open(prepare(top, cgroup) + "/cgroup.procs", "w") as f:
                f.write(str(properties["PIDs"][0]))
        path = f"/org/freedesktop/systemd1/unit/u{self.jobs}"
        units[unit] = Unit(self.connection, path, cgroup)
        return self.job(unit, "done")

    @dbus.service.method(SERVICE + ".Manager", in_signature="s", out_signature="o")
    def GetUnit(self, unit):
        if unit not in units:
            raise error("NoSuchUnit", f"Unit {unit} not loaded.")
        return units[unit]._object_path

    @dbus.service.method(SERVICE + ".Manager", in_signature="sba(sv)")
    def SetUnitProperties(self, unit, runtime, properties):
        self.note("SetUnitProperties", unit, bool(runtime), {str(k): plain(v) for k, v in properties})

    @dbus.service.method(SERVICE + ".Manager", in_signature="ss", out_signature="o")
    def StopUnit(self, unit, mode):
        self.note("StopUnit", unit, mode)
        if unit not in units:
            raise error("NoSuchUnit", f"Unit {unit} not loaded.")
        units.pop(unit).remove_from_connection()
        return self.job(unit, "done")

    @dbus.service.method(SERVICE + ".Manager", in_signature="s")
    def ResetFailedUnit(self, unit):
        self.note("ResetFailedUnit", unit)
        reset.add(str(unit))


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
system_bus = dbus.SystemBus()
name = dbus.service.BusName(SERVICE, system_bus)
manager = Manager(system_bus, "/org/freedesktop/systemd1")
open(log_path, "a").close()
GLib.MainLoop().run()
