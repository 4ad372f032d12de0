"""Small steps beside /livez: what a step costs beyond HTTP, and what it would cost a floor server
that parses nothing, checks nothing and keeps one session."""

from report import servers
from report.rows import at_least, ratio_over_starts

TITLE = "Small steps"
BESIDE = {"section": "small", "unit": "steps/s", "peer": "/livez", "relation": "the rate",
          "beside": "the service's own `GET /livez`"}


def measure(bench):
    ratios, rates, floors = [], [], []
    for _ in bench.starts:
        with servers.service(bench) as ours, servers.floor(bench) as bare:
            rate, ratio, floor = bench.load.small(ours.url, bare.url)
        ratios.append(ratio)
        rates.append(rate)
        floors.append(floor)
    yield ratio_over_starts(
        ratios, rates, name="raw F32 steps, n = 1 000, 64 sessions", goal=at_least(0.8), **BESIDE)
    floor_rates = [rate / ratio * floor for rate, ratio, floor in zip(rates, ratios, floors)]
    yield ratio_over_starts(
        floors, floor_rates, name="the same steps of a bare C server", **BESIDE)
