"""The parts of a run. Each is a module with a TITLE and `measure`, which yields rows."""

import importlib

ALL = ["engine", "step", "formats", "livez", "small", "beside", "durability", "memory", "start",
       "large"]
# The large one takes most of a machine's memory, so it has to be named.
DEFAULT = [name for name in ALL if name != "large"]


def named(name):
    return importlib.import_module(f"report.sections.{name}")
