"""A step in safetensors and in JSON, beside raw and beside FastAPI."""

import contextlib
import statistics

from report import peers, places, servers
from report.rows import Row, at_least, grouped, ratio_over_starts

TITLE = "Formats"
SIZES = (1_000, 1_000_000)
# Raw is here what the other two are measured beside; the section step has rows of it.
FORMATS = {
    "safetensors": ("safetensors", "FastAPI and torch", None),
    "json": ("JSON", "FastAPI, orjson and torch", at_least(5)),
}


def measure(bench):
    for count in SIZES:
        if not places.PEERS_PYTHON:
            printed = [compare(bench, count) for _ in bench.starts]
            yield safetensors_beside_raw(count, printed)
            yield from without_peer(count, printed)
            continue
        by_threads = {}
        for threads, options in servers.FASTAPI_THREADS.items():
            print(f"  {threads}:", flush=True)
            by_threads[threads] = [compare(bench, count, options) for _ in bench.starts]
        yield safetensors_beside_raw(count, by_threads["one torch thread"])
        for key in FORMATS:
            rows = [beside_peer(count, key, *found) for found in by_threads.items()]
            # Where the peer is at its best.
            yield min(rows, key=lambda row: row.ratio)


def compare(bench, count, options=None):
    """One fresh start of the service, and of the peer where there are options for it."""
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(servers.service(bench))
        peer = None
        if options is not None:
            peer = stack.enter_context(servers.fastapi(bench, *options)).url
        return bench.load.formats(ours.url, peer, count, 101 if count < 10_000 else 21)


def safetensors_beside_raw(count, printed):
    return ratio_over_starts(
        [one.beside_raw("safetensors") for one in printed],
        [one.format_time("safetensors") for one in printed], unit="ms",
        section="formats", name=f"safetensors step, n = {grouped(count)}", peer="raw",
        beside="the same step in raw", relation="the time")


def fields(count, key):
    title, beside, goal = FORMATS[key]
    return {"section": "formats", "name": f"{title} step, n = {grouped(count)}",
            "peer": "FastAPI", "beside": beside, "relation": "the speed", "goal": goal,
            "unit": "ms", "is_peer": True}


def beside_peer(count, key, threads, printed):
    named = fields(count, key)
    named["beside"] += f", {threads}"
    return ratio_over_starts(
        [one.format_ratio(key) for one in printed],
        [one.format_time(key) for one in printed], **named)


def without_peer(count, printed):
    for key in FORMATS:
        times = [one.format_time(key) for one in printed]
        yield Row(**fields(count, key), measured=statistics.median(times),
                  left_out=peers.NO_PYTHON)
