"""A raw F32 step over HTTP, beside the floor and beside FastAPI."""

import contextlib

from report import client, machine, peers, places, servers
from report.failure import Failure
from report.load import SAME_BITS
from report.rows import Row, at_least, at_most, grouped, ratio_over_starts

TITLE = "Step over HTTP"
# As LanePool.inlineElementCount.
INLINE_COUNT = 32_768
FLOOR = {"peer": "floor-server", "relation": "the time", "is_peer": True, "goal": at_most(1.05),
         "beside": "a bare C server with the same kernel and no norm"}
FASTAPI = {"peer": "FastAPI", "relation": "the speed", "is_peer": True, "goal": at_least(2.5)}
SESSION = "step-peer"


def measure(bench):
    for count in bench.options.n:
        name = {"section": "step", "name": f"raw F32 step, n = {grouped(count)}"}
        yield beside_floor(bench, name, count)
        if places.PEERS_PYTHON:
            # Where the peer is at its best.
            yield min(beside_fastapi(bench, name, count), key=lambda row: row.ratio)
        else:
            yield Row(**name, **FASTAPI, left_out=peers.NO_PYTHON)


def beside_floor(bench, name, count):
    # Small steps are made by the thread that received them. Waking it up on another processor
    # takes three times as long as the step, and whether that happens is the scheduler's choice.
    processors = contextlib.nullcontext
    if count <= INLINE_COUNT:
        processors = machine.one_processor
        name = name | {"name": name["name"] + ", one processor"}
    ratios, times = [], []
    for _ in bench.starts:
        with processors(), servers.service(bench) as ours, servers.floor(bench) as bare:
            time, ratio, bits = bench.load.step(ours.url, bare.url, count, repetitions(count))
        if bits != SAME_BITS:
            raise Failure(f"n = {count}: the service and the floor server answer {bits}")
        ratios.append(ratio)
        times.append(time)
    return ratio_over_starts(ratios, times, unit="ms", **name, **FLOOR)


def beside_fastapi(bench, name, count):
    """A row for each number of torch's threads. torch as it is installed fuses multiplication and
    addition, so bits are not compared."""
    for threads, options in servers.FASTAPI_THREADS.items():
        print(f"  FastAPI, {threads}, in the floor server's place:", flush=True)
        ratios, times = [], []
        for _ in bench.starts:
            with contextlib.ExitStack() as stack:
                ours = stack.enter_context(servers.service(bench))
                peer = stack.enter_context(servers.fastapi(bench, *options))
                stack.enter_context(client.Client(peer)).create(SESSION, count)
                path = f"{peer.url}/v1/sessions/{SESSION}/steps"
                time, ratio, _ = bench.load.step(ours.url, path, count, repetitions(count))
            ratios.append(1 / ratio)
            times.append(time)
        beside = f"FastAPI, uvicorn and `torch.optim.Adam(fused=True)`, {threads}"
        yield ratio_over_starts(ratios, times, unit="ms", beside=beside, **name, **FASTAPI)


def repetitions(count):
    """Some seconds of steps."""
    return max(31, min(2001, 20_000_000 // count))
