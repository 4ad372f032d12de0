"""bounds.toml: what a request of each scenario may cost."""

import re
import statistics
import tomllib
from pathlib import Path

FILE = Path(__file__).with_name("bounds.toml")
KINDS = ("instructions", "allocations", "system_calls")
# How much room instructions get beyond what was counted; a scenario says it of the others.
INSTRUCTION_SHARE = 0.03


def read():
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))
    for name, row in rows.items():
        if not isinstance(row, dict) or sorted(row) != sorted(KINDS):
            raise ValueError(f"{FILE.name}: {name} has to have {', '.join(KINDS)}")
    return rows


def around(rounds, scenario):
    """The bounds of what was counted in some rounds: the median, and some room."""
    middle = {kind: median(rounds, kind) for kind in KINDS}
    return {"instructions": round(middle["instructions"] * (1 + INSTRUCTION_SHARE)),
            "allocations": round(middle["allocations"] + scenario.allocation_room, 2),
            "system_calls": round(middle["system_calls"] + scenario.system_call_room, 2)}


def median(rounds, kind):
    return statistics.median(counts[kind] for counts in rounds)


def spread(rounds, kind):
    values = [counts[kind] for counts in rounds]
    return max(values) - min(values)


def write(made, origin):
    """Replaces the numbers of these scenarios, and where they come from; remarks stay."""
    width = max(map(len, [*read(), *made]))
    fresh = {name: f"{name:{width}} = {{ "
             + ", ".join(f"{kind} = {of[kind]}" for kind in KINDS) + " }"
             for name, of in made.items()}
    lines = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("# Counted with "):
            line = f"# Counted with {origin}."
        elif found := re.match(r"([\w-]+) *=", line):
            line = fresh.pop(found[1], line)
        lines.append(line)
    FILE.write_text("\n".join([*lines, *fresh.values()]) + "\n", encoding="utf-8")


def excesses(counts, allowed):
    return [kind for kind in KINDS if counts[kind] > allowed[kind]]
