"""What the service keeps in memory for a parameter, and for a session."""

from report import client, servers
from report.rows import at_most, measured_over_starts

TITLE = "Memory"
LARGE = 20_000_000
STEPS = 3
SMALL, SESSIONS = 1_000, 10_000
# Parameters and two moments, in F32.
STATE_BYTES = 12


def measure(bench):
    yield from bytes_per_parameter(bench, "adam", {"type": "adam"}, STATE_BYTES)
    yield from bytes_per_parameter(
        bench, "amsgrad", {"type": "adam", "amsgrad": True}, STATE_BYTES + 4)
    yield session_overhead(bench)


def bytes_per_parameter(bench, title, optimizer, goal):
    """Over fresh starts, since how many vectors a start keeps for bodies is not the same in all."""
    name = f"{title}, n = 20 000 000, {STEPS} raw steps"
    residents, peaks = zip(*(stepped(bench, name, optimizer) for _ in bench.starts))
    fields = {"section": "memory", "unit": "bytes a parameter"}
    yield measured_over_starts(
        residents, name=name + ", resident", goal=at_most(goal), **fields)
    yield measured_over_starts(peaks, name=name + ", peak", **fields)


def stepped(bench, name, optimizer):
    """Bytes a parameter that are resident after steps, and that were at most, beyond what was
    before the session."""
    with servers.service(bench) as ours, client.Client(ours) as connection:
        before = ours.memory_bytes("VmRSS")
        connection.create("large", LARGE, {"optimizer": optimizer, "durability": "none"})
        for _ in range(STEPS):
            connection.step("large", LARGE)
        after, peak = ours.memory_bytes("VmRSS"), ours.memory_bytes("VmHWM")
    print(f"  {name}: {before / 2**20:.1f} MiB before, {after / 2**20:.1f} after,",
          f"{peak / 2**20:.1f} at most\n", flush=True)
    # To a tenth of a byte: the program's own pages are some hundredths.
    return round((after - before) / LARGE, 1), round((peak - before) / LARGE, 1)


def session_overhead(bench):
    return measured_over_starts(
        [overhead(bench) for _ in bench.starts], section="memory", unit="KiB a session",
        name="10 000 sessions of n = 1 000, beside their state", goal=at_most(1.5))


def overhead(bench):
    """What a session takes beside its state: the growth over many, without their numbers. Each is
    stepped once, so that the pages of its moments are there."""
    with servers.service(bench) as ours, client.Client(ours) as connection:
        before = ours.memory_bytes("VmRSS")
        for session in range(SESSIONS):
            connection.create(f"small-{session}", SMALL, {"durability": "none"})
            connection.step(f"small-{session}", SMALL)
        growth = ours.memory_bytes("VmRSS") - before
    print(f"  {SESSIONS} sessions: {growth / 2**20:.1f} MiB\n", flush=True)
    return (growth - SESSIONS * SMALL * STATE_BYTES) / SESSIONS / 1024
