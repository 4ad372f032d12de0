"""The request that costs a server least, beside nginx and beside Hummingbird."""

from report import peers, places, servers
from report.rows import Row, at_least, ratio_over_starts

TITLE = "Small requests"
CONNECTIONS = (64, 256)


def measure(bench):
    nginx = {"peer": "nginx", "beside": "nginx `return 200`", "goal": at_least(1)}
    hummingbird = {"peer": "Hummingbird", "beside": "Hummingbird, one route",
                   "goal": at_least(2)}
    missing_nginx = None if places.nginx() else peers.NO_NGINX
    missing_hummingbird = None if places.HUMMINGBIRD.exists() else peers.NO_HUMMINGBIRD
    for connections in CONNECTIONS:
        yield beside(bench, servers.nginx, nginx, missing_nginx, connections)
        yield beside(bench, servers.hummingbird, hummingbird, missing_hummingbird, connections)


def beside(bench, start, peer, missing, connections):
    fields = peer | {"section": "livez", "name": f"GET /livez, {connections} connections",
                     "relation": "the rate", "is_peer": True}
    if missing:
        return Row(**fields, left_out=missing)
    ratios, rates = [], []
    for _ in bench.starts:
        with servers.service(bench) as ours, start(bench) as other:
            rate, ratio = bench.load.livez(ours.url, other.url, connections)
        ratios.append(ratio)
        rates.append(rate)
    return ratio_over_starts(ratios, rates, unit="requests/s", **fields)
