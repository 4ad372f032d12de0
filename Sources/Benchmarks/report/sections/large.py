"""One session of a thousand million parameters."""

import statistics
import time

from report import client, machine, servers
from report.rows import Row, at_most

TITLE = "A large session"
COUNT = 1_000_000_000
STEPS = 3
NAME = "n = 1 000 000 000, steps of BF16 gradients"
GOAL_GIB = 15
# What has to be free before it is begun: the goal, and some for everything else.
NEEDED_GIB = 17


def measure(bench):
    available = machine.memory_kib("MemAvailable") / 2**20
    peak = {"section": "large", "name": NAME + ", peak memory", "unit": "GiB",
            "goal": at_most(GOAL_GIB)}
    speed = {"section": "large", "name": NAME + ", median", "unit": "s"}
    if available < NEEDED_GIB:
        reason = f"{available:.1f} GiB of memory are free, {NEEDED_GIB} are needed"
        yield Row(**peak, left_out=reason)
        yield Row(**speed, left_out=reason)
        return
    limits = {"--max-body-bytes": 5 * COUNT, "--max-in-flight-body-bytes": 5 * COUNT,
              "--max-state-bytes": 13 * COUNT}
    options = [str(part) for limit in limits.items() for part in limit]
    with servers.service(bench, *options) as ours, client.Client(ours) as connection:
        seconds = timed(connection.create, "large", COUNT, {"durability": "none"})
        print(f"  created in {seconds:.2f} s, {gibibytes(ours, 'VmRSS'):.2f} GiB resident")
        times = []
        for _ in range(STEPS):
            times.append(timed(
                connection.step, "large", COUNT, client.ONE_BF16, Tensor_Dtype="BF16",
                Prefer="return=minimal"))
            print(f"  step in {times[-1]:.2f} s, {gibibytes(ours, 'VmRSS'):.2f} GiB resident,",
                  f"{gibibytes(ours, 'VmHWM'):.2f} at most", flush=True)
        highest = gibibytes(ours, "VmHWM")
    print()
    yield Row(**peak, measured=highest)
    yield Row(**speed, measured=statistics.median(times), spread=(min(times), max(times)))


def timed(work, *arguments, **fields):
    began = time.monotonic()
    work(*arguments, **fields)
    return time.monotonic() - began


def gibibytes(server, name):
    return server.memory_bytes(name) / 2**30
