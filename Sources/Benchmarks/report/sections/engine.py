"""engine-benchmark beside its roofline, and beside torch where there is one."""

import re
import subprocess

from report import peers, places
from report.failure import Failure
from report.rows import Row, grouped

TITLE = "Engine"
TORCH_SIZES = ("10000", "100000", "1000000")


def measure(bench):
    program = bench.programs / "engine-benchmark"
    yield from roofline_rows(shown([program]))
    if not places.PEERS_PYTHON:
        yield Row("engine", "engine beside torch", left_out=peers.NO_PYTHON)
        return
    yield from torch_rows(shown(
        [places.PEERS_PYTHON, places.COMPARE_TORCH, program, "--n", *TORCH_SIZES]))


def shown(command):
    """Runs a program, shows its lines as they come, and returns them."""
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        for line in started.stdout:
            print("  " + line, end="", flush=True)
            lines.append(line)
    if started.returncode != 0:
        raise Failure(f"{command[0]} ended with status {started.returncode}")
    print()
    return lines


def table(lines):
    """The lines under the one that begins with "n" and names the columns, by those names; a
    "ratio" is that of the column before it."""
    columns = None
    for line in lines:
        words = re.sub(r" %$", "", line.strip()).split()
        if words[:1] == ["n"]:
            columns = [f"{words[place - 1]} ratio" if name == "ratio" else name
                       for place, name in enumerate(words)]
        elif columns and len(words) == len(columns):
            yield dict(zip(columns, words))
        elif columns:
            raise Failure(f"not {len(columns)} columns: {line}")
    if columns is None:
        raise Failure("no table was printed")


def roofline_rows(lines):
    """A row for each line of engine-benchmark's table: too many for the summary."""
    unit = lines[0].split(",")[0]
    for line in table(lines):
        lanes = f", lanes: {line['lanes']}" if "lanes" in line else ""
        yield Row(
            "engine", f"engine, {work(line)}{lanes}, {line['level']}",
            peer="roofline", beside="a loop that only moves the same bytes",
            relation="the speed", ratio=float(line["apply/roofline"]) / 100,
            measured=float(line["apply"]), unit=unit, is_detail=True)


def torch_rows(lines):
    """AdamW costs what Adam does, so that it is for the file alone."""
    for line in table(lines):
        for phase, note in (("apply", "update alone"), ("step", "with norm and finite test")):
            yield Row(
                "engine", f"engine, one core, {work(line)}, {note}",
                peer="torch", beside="`torch.optim` with `fused=True`", relation="the speed",
                ratio=float(line[phase + " ratio"]), measured=float(line[phase]), unit="µs",
                is_peer=True, is_detail=line["variant"] == "adamw")


def work(line):
    return f"{line['variant']}, n = {grouped(int(line['n']))}"
