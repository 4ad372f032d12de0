"""Small steps while a large session is stepped without a pause."""

from report import servers
from report.rows import at_most, measured_over_starts

TITLE = "Small steps beside a large session"


def measure(bench):
    latencies = []
    for _ in bench.starts:
        with servers.service(bench) as ours:
            latencies.append(bench.load.beside(ours.url))
    yield measured_over_starts(
        latencies, section="beside", unit="ms", goal=at_most(3),
        name="p99 of n = 1 000 beside n = 10 000 000")
