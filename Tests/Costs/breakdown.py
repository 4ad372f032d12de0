"""Where a request's costs are: who breaks a bound reads this."""

import shutil
import subprocess
from collections import Counter

from callgrind import is_allocating, plain
from counting import NotCounted

ROWS, COLUMNS, CALLERS, SHOWN_CALLERS = 40, 100, 16, 4
SEPARATE = [f"--separate-callers{CALLERS}={name}"
            for name in ("malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc")]


def show(counting, scenario):
    if not shutil.which("swift"):
        raise NotCounted("no swift here, which knows what the names mean")
    fewer, more = counting.profiles(scenario, *SEPARATE)
    own, inclusive, allocations = (
        difference(count(fewer), count(more), scenario.count)
        for count in (own_instructions, inclusive_instructions, allocation_chains))
    system_calls = Counter({(name,): calls
                            for name, calls in counting.system_calls(scenario).items()})
    table(f"instructions: {sum(own.values()):,.0f} a request, by function", own)
    table("instructions: of a function of ours and of all that it calls", inclusive)
    table(f"allocations: {sum(allocations.values()):.2f}, by the function of ours that makes them "
          "and its callers", allocations)
    table(f"system calls: {sum(system_calls.values()):.2f}", system_calls)


def difference(fewer, more, count):
    return Counter({names: (more[names] - fewer[names]) / count for names in more})


def own_instructions(profile):
    counts = Counter()
    for (name, _), instructions in profile.own.items():
        counts[plain(name),] += instructions
    return counts


def inclusive_instructions(profile):
    """Of calls from elsewhere: one by itself is in the first one's already."""
    counts = Counter()
    for ((caller, _), (callee, _)), instructions in profile.inclusive.items():
        if plain(caller) != plain(callee) and is_ours(callee):
            counts[plain(callee),] += instructions
    return counts


def allocation_chains(profile):
    counts = Counter()
    for (caller, callee), calls in profile.calls.items():
        if is_allocating(callee) and not is_allocating(caller):
            # The allocating function is the first; a number says how deep it recurses.
            names = [name for name in callee[0].split("'")[1:] if not name.isdigit()]
            ours = tuple(filter(is_ours, names)) or tuple(names)
            counts[ours[:SHOWN_CALLERS]] += calls
    return counts


def is_ours(name):
    """Swift, but not of its library, and no mere thunk or partial application."""
    name = plain(name)
    return (name.startswith("$s") and not name.startswith(("$ss", "$sS"))
            and not name.endswith(("TA", "TR", "TW")))


def table(title, counts):
    # What is less often than every twentieth request is noise here.
    rows = [(names, value) for names, value in counts.most_common(ROWS) if value >= 0.05]
    meanings = demangled({name for names, _ in rows for name in names})
    print(f"\n{title}")
    for names, value in rows:
        first, *callers = names or ("?",)
        print(f"{value:>14,.2f}  {meanings.get(first, first)[:COLUMNS]}")
        for name in callers:
            print(f"{'':>14}    {meanings[name][:COLUMNS]}")


def demangled(names):
    names = sorted(names)
    run = subprocess.run(["swift", "demangle", "--simplified"], input="\n".join(names),
                         capture_output=True, text=True, check=True)
    return dict(zip(names, run.stdout.splitlines(), strict=True)) if names else {}
