"""bounds.toml: what a request of each scenario may cost."""

import re
import tomllib
from pathlib import Path

FILE = Path(__file__).with_name("bounds.toml")
KINDS = ("instructions", "allocations", "system_calls")
# The room beyond what was counted: of instructions a share, of the others a number.
INSTRUCTION_SHARE, ALLOCATIONS, SYSTEM_CALLS = 0.03, 0.5, 0.1


def read():
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))
    for name, row in rows.items():
        if not isinstance(row, dict) or sorted(row) != sorted(KINDS):
            raise ValueError(f"{FILE.name}: {name} has to have {', '.join(KINDS)}")
    return rows


def around(rounds):
    """The bounds of what was counted in some rounds: the largest, and some room.

    What differs by itself, as the waits and receives of a large body do, gets as much more as it
    differed, because a few rounds do not show its largest.
    """
    top = {kind: max(counts[kind] for counts in rounds) + spread(rounds, kind) for kind in KINDS}
    return {"instructions": round(top["instructions"] * (1 + INSTRUCTION_SHARE)),
            "allocations": round(top["allocations"] + ALLOCATIONS, 2),
            "system_calls": round(top["system_calls"] + SYSTEM_CALLS, 2)}


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
