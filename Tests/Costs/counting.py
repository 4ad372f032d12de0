"""Runs the program under callgrind and under strace, and counts.

Each time twice, with the same requests first and `count` more of them the second time. What the
second run has more of is theirs: starting, creating the session and stopping are in both.
"""

import os
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

from callgrind import Profile
from server import BINARY, Server
from wire import Closed

# One loop and one lane, so that nothing depends on which of several was free.
ARGUMENTS = ("--loops", "1", "--lanes", "1", "--log-level", "error")
# Dictionaries would lie differently in each run.
ENVIRONMENT = {"SWIFT_DETERMINISTIC_HASHING": "1"}
# valgrind makes it fifty times as slow.
PATIENCE_SECONDS = 120
PACKAGES = {"valgrind": "valgrind", "strace": "strace", "strip": "binutils"}


class NotCounted(Exception):
    """Why it could not be counted."""


class Counting:
    """Keeps what the tools need and write in `directory`."""

    def __init__(self, directory):
        for tool, package in PACKAGES.items():
            if not shutil.which(tool):
                raise NotCounted(f"no {tool} here; on Debian it is in the package {package}")
        if not BINARY.exists():
            raise NotCounted(f"{BINARY} is not built")
        probe = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, text=True,
                               check=False)
        if probe.returncode != 0:
            raise NotCounted(f"strace may not trace here: {probe.stderr.strip()}")
        self.directory = Path(directory)
        self.program = self.directory / "optimizerd"
        # Debian 12's valgrind stops at the debug information that Swift 6 writes.
        subprocess.run(["strip", "-g", "-o", self.program, BINARY], check=True)

    def counts(self, scenario):
        fewer, more = self.profiles(scenario)
        instructions = more.instructions - fewer.instructions
        allocations = more.allocations - fewer.allocations
        calls = self.system_calls(scenario)
        return {"instructions": instructions / scenario.count,
                "allocations": allocations / scenario.count,
                "system_calls": sum(calls.values())}

    def profiles(self, scenario, *options):
        return [Profile(path) for path in self._pair(scenario, "callgrind", lambda path: [
            "valgrind", "--quiet", "--tool=callgrind", "--compress-strings=no",
            f"--callgrind-out-file={path}", *options])]

    def system_calls(self, scenario):
        """By name, of one request."""
        # -D: the program stays this process's child, and takes its signal.
        fewer, more = [self._table(path) for path in self._pair(scenario, "strace", lambda path: [
            "strace", "-D", "-f", "-c", "-U", "name,calls", "-o", path])]
        names = fewer.keys() | more.keys()
        return {name: (more[name] - fewer[name]) / scenario.count for name in names}

    def _pair(self, scenario, tool, command):
        paths = []
        for count in (scenario.lead, scenario.lead + scenario.count):
            path = self.directory / f"{scenario.name}.{tool}.{count}"
            self._run(scenario, count, [*command(path), self.program])
            paths.append(path)
        return paths

    def _run(self, scenario, count, command):
        try:
            with Server(*ARGUMENTS, start_seconds=PATIENCE_SECONDS, environment=ENVIRONMENT,
                        command=command) as server:
                scenario.ask(server.port, count)
                server.stop(PATIENCE_SECONDS)
        except (AssertionError, Closed, OSError) as error:
            raise NotCounted(f"{scenario.name} under {command[0]}: {error}") from error

    def _table(self, path):
        """strace is the program's grandchild, so it may still be writing when that has ended."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        rows = []
        while not rows or rows[-1][0] != "total":
            if time.monotonic() > deadline:
                raise NotCounted(f"strace wrote no table to {path}")
            time.sleep(0.01)
            rows = [line.split() for line in path.read_text().splitlines()]
        return Counter({name: int(calls) for name, calls in
                        (row for row in rows[:-1] if len(row) == 2 and row[1].isdigit())})


def has_avx2():
    """valgrind shows the program AVX2 at most, and other kernels run without."""
    flags = Path("/proc/cpuinfo")
    return os.uname().machine == "x86_64" and "avx2" in flags.read_text().split()
