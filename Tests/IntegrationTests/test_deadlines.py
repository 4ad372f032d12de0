"""Slow peers: each wait has a deadline, and none of them holds anybody else up (DESIGN §3, §7)."""

import re
import select
import socket
import time
from contextlib import contextmanager

import numpy as np
import pytest

from api import API, JSON, RAW, SAFETENSORS, assert_problem
from attacks import VALID, file
from server import Server
from wire import Closed, Connection, request_bytes

STEP = "/v1/sessions/s/steps"
PARAMETERS = "/v1/sessions/big/parameters"
# More than the kernel's largest buffers of both ends together take off the service's hands.
BIG = 8_000_000


@contextmanager
def service(*arguments):
    """A service with these bounds and a session `s` of six numbers."""
    with Server(*arguments) as running:
        api = API(running.port)
        api.create("s", {"b": [0, 0], "w": [[0, 0], [0, 0]]})
        yield api


def answers_within(connection, seconds):
    return bool(select.select([connection.socket], [], [], seconds)[0])


def dribble(connection, pieces, pause=0.1):
    """Sends piece after piece until an answer begins; returns how many went out."""
    for count, piece in enumerate(pieces):
        if answers_within(connection, pause):
            return count
        connection.send(piece)
    raise AssertionError("the peer may go on for ever")


def test_a_head_is_cut_off_at_its_deadline_although_bytes_keep_coming():
    head = b"GET /livez HTTP/1.1\r\nHost: test\r\nX-Long: " + b"a" * 200
    with service("--head-deadline-seconds", "1") as api, Connection(api.port) as connection:
        sent = dribble(connection, (head[i : i + 1] for i in range(len(head))))
        assert 0 < sent < len(head)
        response = connection.read_response()
        problem = assert_problem(response, 408, "head-too-slow")
        assert problem["retryable"] is True
        assert response.header("Connection") == "close"
        assert connection.is_closed()


def test_a_later_head_on_the_connection_has_the_same_deadline():
    with service("--head-deadline-seconds", "1") as api, Connection(api.port) as connection:
        assert connection.ask("GET", "/livez").status == 200
        dribble(connection, [b"GET /livez HTTP/1.1\r\nX: "] + [b"a"] * 200)
        assert_problem(connection.read_response(), 408, "head-too-slow")
        assert connection.is_closed()


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("type", [JSON, SAFETENSORS, RAW])
def test_a_body_below_the_rate_is_cut_off_and_nothing_applied(type, framing):
    body = {JSON: b'{"gradients": ' + b" " * 4000, SAFETENSORS: file(VALID), RAW: bytes(24)}[type]
    fields = ({"Content-Length": str(24 if type == RAW else len(body))} if framing == "length"
              else {"Transfer-Encoding": "chunked"})
    bounds = ("--body-rate-window-seconds", "1", "--min-body-bytes-per-second", "1000")
    with service(*bounds) as api, api.unchanged("s"), Connection(api.port) as connection:
        connection.send(request_bytes("POST", STEP, {"Content-Type": type, **fields}))
        pieces = [body[i : i + 1] for i in range(len(body) - 1)]
        if framing == "chunked":
            pieces = [b"1\r\n" + piece + b"\r\n" for piece in pieces]
        dribble(connection, pieces, pause=0.2)
        response = connection.read_response()
        assert_problem(response, 408, "body-too-slow")
        assert response.header("Connection") == "close"
        assert connection.is_closed()


def test_what_came_early_does_not_pay_for_a_later_window():
    """The mean over the whole body is far above the rate when it stops coming."""
    bounds = ("--body-rate-window-seconds", "1", "--min-body-bytes-per-second", "100")
    with service(*bounds) as api, api.unchanged("s"), Connection(api.port) as connection:
        connection.send(request_bytes("POST", STEP, {
            "Content-Type": JSON, "Content-Length": "1000000"}) + b" " * 900_000)
        assert_problem(connection.read_response(), 408, "body-too-slow")


def test_a_body_just_above_the_rate_passes():
    """Half as much again as asked for, over three windows; the rest of the head room is jitter."""
    rate, window, spans = 100, 2, 3
    body = (b'{"gradients": {"b": [0, 0], "w": [[0, 0], [0, 0]]}'
            + b" " * (rate * 3 // 2 * window * spans) + b"}")
    bounds = ("--body-rate-window-seconds", str(window), "--min-body-bytes-per-second", str(rate))
    with service(*bounds) as api, Connection(api.port) as connection:
        connection.send(request_bytes("POST", STEP, {
            "Content-Type": JSON, "Content-Length": str(len(body))}))
        began, sent = time.monotonic(), 0
        while sent < len(body):
            due = int((time.monotonic() - began + 0.1) * rate * 1.5)
            connection.send(body[sent:due])
            sent = max(sent, due)
            if answers_within(connection, 0.05):
                break
        assert time.monotonic() - began > window
        assert connection.read_response().status == 200
    assert sent >= len(body)


def test_idle_connections_are_closed_without_a_word():
    with service("--idle-seconds", "1") as api, Connection(api.port) as idle:
        assert idle.ask("GET", "/livez").status == 200
        assert idle.is_closed()


def test_a_connection_that_never_asks_is_closed_at_the_deadline_of_a_head():
    with service("--head-deadline-seconds", "1") as api, Connection(api.port) as silent:
        assert silent.is_closed()


def test_a_connection_in_use_outlives_the_idle_time():
    with service("--idle-seconds", "2") as api, Connection(api.port) as connection:
        began = time.monotonic()
        while time.monotonic() - began < 3:
            assert connection.ask("GET", "/livez").status == 200
            assert not answers_within(connection, 0.2)
        assert connection.is_closed()


@contextmanager
def big_reader(api):
    """A session `big`, and a connection that asked for its parameters and reads only the head."""
    shape = {"p": {"dtype": "F32", "shape": [BIG], "data_offsets": [0, 4 * BIG]}}
    created = api.put("/v1/sessions/big", body=file(shape, bytes(4 * BIG)), type=SAFETENSORS)
    assert created.status == 201, created
    with Connection(api.port) as reader:
        reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        reader.send(request_bytes("GET", PARAMETERS, {"Accept": RAW}))
        assert answers_within(reader, 20)
        yield reader


def raw_step(api, size):
    return api.post("/v1/sessions/big/steps", body=np.ones(size, "<f4").tobytes(), type=RAW,
                    headers={"Prefer": "return=minimal"})


def test_a_slow_reader_never_holds_the_session():
    """Others change the session and delete it; the reader still gets the bits of its moment."""
    with service() as api, big_reader(api) as reader:
        for _ in range(2):
            assert raw_step(api, BIG).status == 204
        assert api.patch("/v1/sessions/big", json={"optimizer": {"lr": 1}}).status == 200
        assert api.get("/v1/sessions/big").json()["step"] == 2
        assert api.delete("/v1/sessions/big").status == 204
        response = reader.read_response()
        assert response.header("ETag").startswith('"1-0')
        assert response.body == bytes(4 * BIG)


def open_connections(api):
    """As the service counts them, the one that asks included."""
    text = api.get("/metrics").body.decode()
    return int(re.search(r"^optimizerd_connections (\d+)$", text, re.MULTILINE)[1])


def test_a_reader_that_takes_nothing_is_cut_off():
    with service("--write-progress-deadline-seconds", "1") as api, big_reader(api) as reader:
        assert raw_step(api, BIG).status == 204
        deadline = time.monotonic() + 20
        # The end of the stream lies behind bytes that nobody takes, so ask the other end.
        while open_connections(api) > 1 and time.monotonic() < deadline:
            pass
        assert open_connections(api) == 1
        with pytest.raises(Closed):
            reader.read_response()
        assert api.get("/v1/sessions/big").json()["step"] == 1


def test_a_reader_below_the_rate_is_cut_off_although_it_takes_something_all_the_time():
    bounds = ("--write-progress-deadline-seconds", "1", "--min-body-bytes-per-second", "4000000")
    with service(*bounds) as api, big_reader(api) as reader:
        deadline = time.monotonic() + 20
        while open_connections(api) > 1 and time.monotonic() < deadline:
            reader.socket.recv(4096)
            time.sleep(0.01)
        assert open_connections(api) == 1
        assert "optimizerd_body_bytes_in_flight 0\n" in api.get("/metrics").body.decode()


def test_a_reader_that_takes_a_little_gets_it_all():
    """Three deadlines long it takes a little all the time, so it is never one that takes none."""
    with service("--write-progress-deadline-seconds", "1") as api, big_reader(api) as reader:
        head = reader.socket.recv(65536)
        assert head.startswith(b"HTTP/1.1 200 ")
        taken = len(head) - head.index(b"\r\n\r\n") - 4
        began = time.monotonic()
        while taken < 4 * BIG:
            piece = reader.socket.recv(32768)
            assert piece, f"cut off after {taken} bytes"
            taken += len(piece)
            if time.monotonic() - began < 3:
                time.sleep(0.1)  # The slow reader's pace, not a wait for anything.
        assert taken == 4 * BIG
