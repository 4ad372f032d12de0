"""What the program logs on stderr, and that nobody who reads it badly harms the service."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from api import API
from server import BINARY, Server
from wire import Connection, request_bytes

# More than a pipe (64 KiB) and the queue (1 MiB) hold, at some 180 bytes a line.
REQUESTS_BEYOND_THE_QUEUE = 12_000


def ask_many(port, count, method="GET", target="/livez"):
    """Sends requests in batches, each batch on a connection; returns the statuses."""
    statuses, batch = set(), 200
    for _ in range(0, count, batch):
        with Connection(port) as connection:
            connection.send(request_bytes(method, target) * batch)
            statuses |= {connection.read_response().status for _ in range(batch)}
    return statuses


def error_lines(running):
    running.said()
    return running.output[running.process.stderr].decode("utf-8").splitlines()


def dropped_counts(lines):
    return [int(found[1]) for line in lines
            if (found := re.search(r" warning log lines dropped count=(\d+)$", line))]


def is_live(port):
    return API(port).get("/livez").status == 200


def test_unread_stderr_delays_nobody_and_drops_are_counted():
    with Server("--loops", "1", "--log-level", "debug") as running:
        assert ask_many(running.port, REQUESTS_BEYOND_THE_QUEUE) == {200}
        assert is_live(running.port)
        deadline = time.monotonic() + 20
        while not dropped_counts(error_lines(running)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert dropped_counts(error_lines(running))
        # Now that somebody reads, lines come again.
        assert is_live(running.port)
        error_stream = running.process.stderr
        running.stop()
        lines = running.output[error_stream].decode("utf-8").splitlines()
    assert lines[-1].split()[2] == "stopped"
    requests = [line for line in lines if " debug request " in line]
    assert len(requests) + sum(dropped_counts(lines)) == REQUESTS_BEYOND_THE_QUEUE + 2
    # The queue was not so small as to drop at once, nor without a limit.
    assert 1 << 20 < sum(len(line) + 1 for line in lines) < 2 << 20


def test_unread_stderr_does_not_keep_the_program_from_ending():
    with Server("--log-level", "debug") as running:
        ask_many(running.port, REQUESTS_BEYOND_THE_QUEUE)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=30) == 0


def test_what_clients_cause_is_no_warning():
    """Methods and versions that do not exist are 5xx, but no defect of the service."""
    with Server("--loops", "1", "--log-level", "warning") as running:
        for _ in range(500):
            with Connection(running.port) as connection:
                connection.send(b"BREW /livez HTTP/1.1\r\nHost: test\r\n\r\n")
                assert connection.read_response().status == 501
        with Connection(running.port) as connection:
            connection.send(b"GET /livez HTTP/3.0\r\nHost: test\r\n\r\n")
            assert connection.read_response().status == 505
        assert is_live(running.port)
        error_stream = running.process.stderr
        running.stop()
    assert running.output[error_stream] == b""


def test_closed_stderr_does_not_end_the_process():
    with Server("--log-level", "debug") as running:
        running.process.stderr.close()
        assert ask_many(running.port, 1000) == {200}
        assert is_live(running.port)


def test_started_without_stderr():
    """No socket may get the number of stderr, or a client would read the log."""
    process = subprocess.Popen(
        ["sh", "-c", 'exec "$0" "$@" 2>&-', BINARY, "--port", "0", "--log-level", "debug"],
        stdout=subprocess.PIPE)
    try:
        port = int(re.search(rb"http://127\.0\.0\.1:(\d+)", process.stdout.readline())[1])
        assert os.readlink(f"/proc/{process.pid}/fd/2") == "/dev/null"
        assert ask_many(port, 1000) == {200}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_stderr_that_somebody_made_non_blocking_loses_nothing():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    process = subprocess.Popen([BINARY, "--port", "0", "--log-level", "debug"],
                               stdout=subprocess.PIPE, stderr=writing)
    os.close(writing)
    try:
        port = int(re.search(rb"http://127\.0\.0\.1:(\d+)", process.stdout.readline())[1])
        assert ask_many(port, 2000) == {200}  # More than the pipe holds, less than the queue.
        process.send_signal(signal.SIGTERM)
        with open(reading, "rb") as stream:
            lines = stream.read().splitlines()
        assert process.wait(timeout=30) == 0
        assert len(lines) == 2004 and lines[-1].endswith(b" info stopped cut_connections=0")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_json_lines_hold_the_facts():
    with Server("--log-level", "debug", "--log-format", "json") as running:
        with Connection(running.port) as connection:
            answer = connection.ask("PUT", "/v1/sessions/s", {"Content-Type": "application/json"},
                                    b'{"parameters": {"w": [0.5]}}')
            connection.send(b"GET /livez HTTP/3.0\r\n\r\n")
            refusal = connection.read_response()
            assert refusal.status == 505
        error_stream = running.process.stderr
        running.stop()
    lines = [json.loads(line) for line in running.output[error_stream].splitlines()]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert all(isinstance(value, str) for value in line.values())
    # A request is logged when its last byte is sent, which the order to drain may overtake.
    lines.sort(key=lambda line: (line["event"], line.get("path", "")))
    events = [(line["level"], line["event"]) for line in lines]
    assert events == [("info", "draining"), ("info", "ready"), ("debug", "request"),
                      ("debug", "request"), ("info", "serving"), ("info", "stopped")]
    draining, ready, refused, put, serving, stopped = lines
    assert serving["address"] == f"127.0.0.1:{running.port}" and serving["sessions"] == "100000"
    assert (put["method"], put["path"], put["status"]) == ("PUT", "/v1/sessions/s", "201")
    assert (put["route"], refused["route"]) == ("/v1/sessions/{name}", "-")
    assert put["bytes_in"] == "28" and int(put["bytes_out"]) > len(answer.body)
    assert int(put["duration_us"]) >= 0 and put["peer"].startswith("127.0.0.1:")
    assert (refused["method"], refused["path"], refused["status"]) == ("-", "-", "505")
    assert refused["request_id"] == refusal.json()["request_id"] != put["request_id"]
    assert ready["sessions"] == "0"
    assert draining["signal"] == "terminate" and stopped["cut_connections"] == "0"


@pytest.mark.parametrize("format", ["text", "json"])
def test_requests_cannot_forge_lines_and_secrets_stay_out(format):
    path = '/v1/sessions/a%0A2026-01-01T00:00:00.000Z%20error%20forged%22=%1B'
    with Server("--log-level", "debug", "--log-format", format) as running:
        with Connection(running.port) as connection:
            connection.ask("GET", f"{path}?token=hunter2", {"Authorization": "Bearer hunter3"})
        with Connection(running.port) as connection:
            connection.send(b"GET /a\nb\x1b\x00 HTTP/1.1\r\nHost: test\r\n\r\n")
            assert connection.read_response().status == 400
        error_stream = running.process.stderr
        running.stop()
    said = running.output[error_stream]
    assert b"hunter" not in said
    assert all(byte == 0x0A or 0x20 <= byte <= 0x7E for byte in said)
    lines = said.decode("ascii").splitlines()
    assert len(lines) == 6  # serving, ready, two requests, draining, stopped
    assert sum(path in line for line in lines) == 1


@pytest.mark.parametrize("level, events", [
    ("debug", ["draining", "ready", "request", "serving", "stopped"]),
    ("info", ["draining", "ready", "request", "serving", "stopped"]),
    ("warning", []),
    ("error", []),
])
def test_levels(level, events):
    with Server("--log-level", level) as running:
        assert is_live(running.port)
        error_stream = running.process.stderr
        running.stop()
    lines = running.output[error_stream].decode("utf-8").splitlines()
    # A request is logged when its last byte is sent, which the order to drain may overtake.
    assert sorted(line.split()[2] for line in lines) == events


def test_requests_are_logged_as_far_as_they_can_be_read():
    """What is left out is counted, so that the log still says how many there were."""
    flood = 3000
    with Server("--log-requests-per-second", "10") as running:
        assert ask_many(running.port, flood) == {200}
        API(running.port).get("/v1/sessions/none")
        error_stream = running.process.stderr
        running.stop()
        lines = running.output[error_stream].decode("utf-8").splitlines()
    logged = [line for line in lines if " info request " in line]
    counted = sum(int(n) for line in lines for n in re.findall(r"unlogged_before=(\d+)", line))
    last = sum(int(n) for n in re.findall(r"unlogged_requests=(\d+)", lines[-1]))
    assert len(logged) + counted + last == flood + 1
    assert 10 <= len(logged) < flood / 2
    for fact in ("method=GET", "path=/livez", "status=200", "bytes_in=0", "bytes_out=",
                 "duration_us=", "request_id=", "peer=127.0.0.1:"):
        assert fact in logged[0]


def test_no_request_is_logged_when_none_is_asked_for():
    with Server("--log-requests-per-second", "0") as running:
        assert ask_many(running.port, 200) == {200}
        error_stream = running.process.stderr
        running.stop()
        lines = running.output[error_stream].decode("utf-8").splitlines()
    assert not [line for line in lines if " request " in line]
    assert "unlogged_requests=200" in lines[-1]


def test_a_crowd_at_the_limit_does_not_flood_the_log():
    """Each connection that goes ends a pause and the next begins one; a few are told."""
    with Server("--max-connections", "2", "--loops", "1") as running:
        for _ in range(300):
            with Connection(running.port) as one, Connection(running.port) as two:
                assert one.ask("GET", "/livez").status == two.ask("GET", "/livez").status == 200
        lines = error_lines(running)
    paused = [line for line in lines if "accepting paused" in line]
    told = len(paused) + sum(int(n) for line in paused
                             for n in re.findall(r"unlogged_before=(\d+)", line))
    assert len(paused) < 100 and told <= 700
