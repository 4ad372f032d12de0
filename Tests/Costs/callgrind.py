"""Reads what callgrind writes with --compress-strings=no: who called whom, and at which cost."""

import re
from collections import Counter

ALLOCATING = re.compile(
    r"(__libc_|__|_mid_)?(malloc|calloc|realloc|reallocarray|posix_memalign|aligned_alloc|memalign|"
    r"valloc|pvalloc)(\.\w+)*")
# Of a cost line: the position, which may be relative, and the instructions.
COST = re.compile(r"[+\-*\d]\S* (\d+)")


class Profile:
    """Instructions of each function itself, and of each call with all that came of it.

    A function is its name and the name of the object that it lies in.
    """

    def __init__(self, path):
        self.instructions = None
        self.own = Counter()
        self.calls = Counter()
        self.inclusive = Counter()
        with open(path, encoding="utf-8", errors="replace") as file:
            self._read(file)
        if self.instructions is None:
            raise ValueError(f"{path} has no total")

    def _read(self, file):
        here = there = None  # Objects: of the caller, and of the callee where it is another.
        caller = callee = pending = None
        for line in file:
            key, equals, value = line.rstrip("\n").partition("=")
            if key == "ob":
                here = value
            elif key == "fn":
                caller, there = (value, here), None
            elif key == "cob":
                there = value
            elif key == "cfn":
                callee, there = (value, there or here), None
            elif key == "calls":
                pending = callee
                self.calls[caller, callee] += int(value.split()[0])
            elif line.startswith("totals:"):
                self.instructions = int(line.split()[1])
            elif not equals and (cost := COST.match(line)):
                if pending:
                    self.inclusive[caller, pending] += int(cost[1])
                    pending = None
                else:
                    self.own[caller] += int(cost[1])

    @property
    def allocations(self):
        """Calls of libc's allocating functions by others: one of them may use another."""
        return sum(count for (caller, callee), count in self.calls.items()
                   if is_allocating(callee) and not is_allocating(caller))


def is_allocating(function):
    name, place = function
    in_libc = place.rpartition("/")[2].startswith(("libc.so", "libc-"))
    return in_libc and bool(ALLOCATING.fullmatch(plain(name)))


def plain(name):
    """Without what callgrind appends to it: how deep it recurses, or who called it."""
    return name.split("'")[0]
