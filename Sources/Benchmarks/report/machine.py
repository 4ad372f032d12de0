"""What was measured where: the processor, the memory, the kernel, the sources, the peers."""

import contextlib
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess

from report import places

VECTORS = ("avx2", "avx512f")
PYTHON_PACKAGES = ("fastapi", "uvicorn", "orjson", "torch", "numpy", "safetensors")


def describe():
    """All of it, for the file."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "load_average": round(os.getloadavg()[0], 2),
        "peers": peers(),
    }


def show(description):
    machine = description["machine"]
    print(f"  {machine['processor']} ({', '.join(machine['vectors']) or 'no AVX2'}),",
          f"{machine['processors']} processors, {machine['memory_mib']} MiB")
    print(f"  {machine['system']}, load average {description['load_average']:.2f}")
    print(f"  sources {description['commit'] or 'without git'}")
    for peer, version in description["peers"].items():
        print(f"  {peer} {version}", flush=True)


def machine():
    information = pathlib.Path("/proc/cpuinfo").read_text()
    processor = re.search(r"model name\s*: (.*)", information)
    flags = re.search(r"flags\s*: (.*)", information)
    return {
        "processor": processor[1] if processor else platform.machine(),
        "vectors": [name for name in VECTORS if flags and name in flags[1].split()],
        "processors": os.cpu_count(),
        "memory_mib": memory_kib("MemTotal") // 1024,
        "system": f"{platform.system()} {platform.release()}",
    }


def memory_kib(name):
    """A line of /proc/meminfo."""
    return int(re.search(rf"{name}:\s*(\d+) kB", pathlib.Path("/proc/meminfo").read_text())[1])


def commit():
    """The commit of the sources, with "+" when they differ from it; None without git."""
    head = output(["git", "-C", places.ROOT, "rev-parse", "HEAD"])
    if head is None:
        return None
    changes = output(["git", "-C", places.ROOT, "status", "--porcelain"])
    return head + ("+" if changes else "")


def peers():
    """The versions of those that are there."""
    versions = {}
    if (program := places.nginx()) is not None:
        # nginx tells its version on standard error.
        told = subprocess.run([program, "-v"], text=True, capture_output=True).stderr
        versions["nginx"] = told.strip().rpartition("/")[2]
    if places.HUMMINGBIRD.exists():
        pins = json.loads((places.HUMMINGBIRD_SOURCES / "Package.resolved").read_text())["pins"]
        versions["Hummingbird"] = next(
            pin["state"]["version"] for pin in pins if pin["identity"] == "hummingbird")
    if places.PEERS_PYTHON:
        versions |= python_versions()
    return versions


def python_versions():
    code = ("import importlib.metadata, json, platform, sys; print(json.dumps({'Python': "
            "platform.python_version()} | {name: importlib.metadata.version(name) "
            "for name in sys.argv[1:]}))")
    told = output([places.PEERS_PYTHON, "-c", code, *PYTHON_PACKAGES])
    # What it lacks is told by the first server that does not start.
    return json.loads(told) if told else {}


@contextlib.contextmanager
def one_processor():
    """Whatever is started meanwhile runs on one processor, always the same."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_of_them)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)


def output(command):
    """What a command prints; None when it cannot be run or fails."""
    if shutil.which(command[0]) is None:
        return None
    result = subprocess.run(command, text=True, capture_output=True)
    return result.stdout.strip() if result.returncode == 0 else None
