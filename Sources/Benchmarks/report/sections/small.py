"""Small steps beside /livez: what a step costs beyond HTTP."""

from report import servers
from report.rows import at_least, ratio_over_starts

TITLE = "Small steps"


def measure(bench):
    ratios, rates = [], []
    for _ in bench.starts:
        with servers.service(bench) as ours:
            rate, ratio = bench.load.small(ours.url)
        ratios.append(ratio)
        rates.append(rate)
    yield ratio_over_starts(
        ratios, rates, section="small", name="raw F32 steps, n = 1 000, 64 sessions",
        unit="steps/s", peer="/livez", beside="the service's own `GET /livez`",
        relation="the rate", goal=at_least(0.8))
