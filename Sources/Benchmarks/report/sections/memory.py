"""What the service keeps in memory for a parameter, and for a session."""

from report import client, servers
from report.rows import Row, at_most

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
    """What is resident after steps, and what was at most, beyond what was before the session."""
    with servers.service(bench) as ours, client.Client(ours) as connection:
        before = ours.memory_bytes("VmRSS")
        connection.create("large", LARGE, {"optimizer": optimizer, "durability": "none"})
        for _ in range(STEPS):
            connection.step("large", LARGE)
        after, peak = ours.memory_bytes("VmRSS"), ours.memory_bytes("VmHWM")
    name = f"{title}, n = 20 000 000, {STEPS} raw steps"
    print(f"  {name}: {before / 2**20:.1f} MiB before, {after / 2**20:.1f} after,",
          f"{peak / 2**20:.1f} at most\n", flush=True)
    # To a tenth of a byte: the program's own pages are some hundredths.
    yield Row("memory", name + ", resident", measured=round((after - before) / LARGE, 1),
              unit="bytes a parameter", goal=at_most(goal))
    yield Row("memory", name + ", peak", measured=round((peak - before) / LARGE, 1),
              unit="bytes a parameter")


def session_overhead(bench):
    """What a session takes beside its state: the growth over many, without their numbers."""
    with servers.service(bench) as ours, client.Client(ours) as connection:
        before = ours.memory_bytes("VmRSS")
        for session in range(SESSIONS):
            connection.create(f"small-{session}", SMALL, {"durability": "none"})
        growth = ours.memory_bytes("VmRSS") - before
    overhead = (growth - SESSIONS * SMALL * STATE_BYTES) / SESSIONS / 1024
    print(f"  {SESSIONS} sessions: {growth / 2**20:.1f} MiB\n", flush=True)
    return Row("memory", "10 000 sessions of n = 1 000, beside their state", measured=overhead,
               unit="KiB a session", goal=at_most(1.5))
