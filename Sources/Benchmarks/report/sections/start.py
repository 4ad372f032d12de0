"""How long the program takes from its execution to its first answer."""

import contextlib
import http.client
import tempfile
import time

from report import servers
from report.rows import at_most, measured_over_starts

TITLE = "Start"
STARTS = 11
PAUSE_SECONDS = 0.001


def measure(bench):
    """Not --rounds: a start is short, and its median wants many."""
    ready, answered = zip(*(start(bench) for _ in range(STARTS)))
    fields = {"section": "start", "unit": "ms", "goal": at_most(50)}
    yield measured_over_starts(ready, name="start to the log's ready, empty directory", **fields)
    yield measured_over_starts(
        answered, name="start to the first 200 of /readyz", **fields)


def start(bench):
    """Milliseconds to the line `ready` of the log and to the first 200, both seen by asking
    every millisecond, and with what it takes to make the process."""
    log = bench.home / "start.log"
    with tempfile.TemporaryDirectory(dir=bench.home) as data:
        command = [bench.programs / "optimizerd", "--port", "0", "--data-dir", data]
        began = time.monotonic()
        with servers.process(command, log) as started:
            servers.wait_until(lambda: " ready " in log.read_text(), started, log, PAUSE_SECONDS)
            ready = time.monotonic()
            address = servers.URL.search(log.read_text())[0].removeprefix("http://")
            with contextlib.closing(http.client.HTTPConnection(address)) as connection:
                servers.wait_until(
                    lambda: status(connection) == 200, started, log, PAUSE_SECONDS)
            answered = time.monotonic()
    return (ready - began) * 1e3, (answered - began) * 1e3


def status(connection):
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    answer.read()
    return answer.status
