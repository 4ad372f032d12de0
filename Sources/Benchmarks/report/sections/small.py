"""Small steps beside /livez: what a step costs beyond HTTP, and what it would cost a floor server
that parses nothing, checks nothing and keeps one session."""

from report import servers
from report.rows import at_least, ratio_over_starts

TITLE = "Small steps"
BESIDE = {"section": "small", "unit": "steps/s", "peer": "/livez", "relation": "the rate",
          "beside": "the service's own `GET /livez`"}


def measure(bench):
    ours, floors = [], []
    for _ in bench.starts:
        with servers.service(bench) as service, servers.floor(bench) as bare:
            rate, ratio, floor_rate, floor_ratio = bench.load.small(service.url, bare.url)
        ours.append((ratio, rate))
        floors.append((floor_ratio, floor_rate))
    yield ratio_over_starts(
        *zip(*ours), name="raw F32 steps, n = 1 000, 64 sessions", goal=at_least(0.8), **BESIDE)
    yield ratio_over_starts(*zip(*floors), name="the same steps of a bare C server", **BESIDE)
