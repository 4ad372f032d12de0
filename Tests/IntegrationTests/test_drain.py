"""SIGTERM on the real process: what has begun is finished, nothing new begins (DESIGN §6)."""

import signal
import socket
from contextlib import contextmanager

import pytest

from api import API, JSON, RAW, SAFETENSORS, assert_problem
from attacks import file
from server import Server, wait_until
from wire import Closed, Connection, request_bytes

STEP = "/v1/sessions/s/steps"
REQUEST = request_bytes("POST", STEP, {"Content-Type": RAW}, bytes(24))


class Draining:
    """A service with a session `s` of six numbers, to be told to drain.

    It has one loop, so a connection that the drain closes shows that the drain has begun for all.
    """

    def __init__(self, running):
        self.running, self.port, self.api = running, running.port, API(running.port)
        self.api.create("s", {"b": [0, 0], "w": [[0, 0], [0, 0]]})
        self.witness = Connection(self.port)
        assert self.witness.ask("GET", "/livez").status == 200

    def begin(self):
        self.running.process.send_signal(signal.SIGTERM)
        assert self.witness.is_closed()
        self.witness.close()

    def exit_status(self):
        self.running.process.wait(timeout=60)
        return self.running.process.returncode


@contextmanager
def draining(*arguments):
    with Server("--loops", "1", *arguments) as running:
        yield Draining(running)


def begun(service, request):
    """A connection of which the service has read this much of a request."""
    connection = Connection(service.port)
    connection.send(request)
    # The loop turns to its sockets in the order in which they became readable.
    assert service.api.get("/livez").status == 200
    return connection


def test_idle_connections_close_and_the_status_is_0():
    with draining() as service, Connection(service.port) as silent:
        service.begin()
        assert silent.is_closed()
        assert service.exit_status() == 0


@pytest.mark.parametrize("where", ["kept connection", "new connection"])
def test_a_step_whose_bytes_are_all_here_is_answered(where):
    """They lie in the kernel when the signal comes: the process is stopped meanwhile."""
    with draining() as service, Connection(service.port) as early:
        if where == "kept connection":
            assert early.ask("GET", "/livez").status == 200
        service.running.process.send_signal(signal.SIGSTOP)
        try:
            connection = early if where == "kept connection" else Connection(service.port)
            connection.send(REQUEST)
            service.running.process.send_signal(signal.SIGTERM)
        finally:
            service.running.process.send_signal(signal.SIGCONT)
        with connection:
            response = connection.read_response()
            assert response.status == 200
            assert response.header("Optimizer-Step") == "1"
            assert connection.is_closed()
        assert service.exit_status() == 0


def test_a_body_that_becomes_whole_within_the_grace_is_answered_with_close():
    with draining() as service, begun(service, REQUEST[:-5]) as late:
        service.begin()
        late.send(REQUEST[-5:])
        response = late.read_response()
        assert response.status == 200
        assert response.header("Connection") == "close"
        assert late.is_closed()
        late.close()
        assert service.exit_status() == 0


@pytest.mark.parametrize("begin", [
    REQUEST[:-5], request_bytes("POST", STEP, {"Content-Type": JSON, "Content-Length": "99"}),
    REQUEST[:40],
], ids=["half a body", "no body yet", "half a head"])
def test_after_the_grace_a_half_sent_request_is_refused(begin):
    with (draining("--drain-grace-seconds", "1") as service,
          begun(service, begin) as half):
        service.begin()
        response = half.read_response()
        problem = assert_problem(response, 503, "draining")
        assert problem["retryable"] is True
        assert int(response.header("Retry-After")) > 0
        assert response.header("Connection") == "close"
        assert half.is_closed()
        half.close()
        assert service.exit_status() == 0


def test_a_peer_that_never_finishes_reading_is_cut_and_the_status_is_1():
    size = 8_000_000
    with draining("--drain-grace-seconds", "1") as service:
        shape = {"p": {"dtype": "F32", "shape": [size], "data_offsets": [0, 4 * size]}}
        created = service.api.put("/v1/sessions/big", body=file(shape, bytes(4 * size)),
                                  type=SAFETENSORS)
        assert created.status == 201, created
        with Connection(service.port) as reader:
            reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            reader.send(request_bytes("GET", "/v1/sessions/big/parameters", {"Accept": RAW}))
            assert reader.socket.recv(12) == b"HTTP/1.1 200"
            service.begin()
            assert service.exit_status() == 1
            reader.received = b"HTTP/1.1 200"
            with pytest.raises(Closed):
                reader.read_response()


def test_a_peer_that_reads_on_while_draining_gets_everything_and_the_status_is_0():
    size = 8_000_000
    with draining() as service:
        shape = {"p": {"dtype": "F32", "shape": [size], "data_offsets": [0, 4 * size]}}
        created = service.api.put("/v1/sessions/big", body=file(shape, bytes(4 * size)),
                                  type=SAFETENSORS)
        assert created.status == 201, created
        with Connection(service.port) as reader:
            reader.send(request_bytes("GET", "/v1/sessions/big/parameters", {"Accept": RAW}))
            reader.received = reader.socket.recv(12)
            service.begin()
            assert reader.read_response().body == bytes(4 * size)
        assert service.exit_status() == 0


def test_readyz_while_draining_is_503():
    """Asked on a connection that is kept because its request has begun."""
    request = request_bytes("GET", "/readyz")
    with draining() as service, begun(service, request[:-2]) as kept:
        service.begin()
        kept.send(request[-2:])
        response = kept.read_response()
        assert_problem(response, 503, "draining")
        assert response.header("Connection") == "close"
        kept.close()
        assert service.exit_status() == 0


def test_new_connections_are_refused_while_what_has_begun_goes_on():
    with draining() as service, begun(service, REQUEST[:-5]) as half:
        service.begin()
        with pytest.raises(ConnectionRefusedError):
            Connection(service.port)
        half.send(REQUEST[-5:])
        assert half.read_response().status == 200
        half.close()
        assert service.exit_status() == 0


def test_a_delay_turns_clients_away_before_anything_closes():
    """/readyz is 503 while everything is still served; impatience ends the delay."""
    with draining("--drain-delay-seconds", "3600") as service:
        service.running.process.send_signal(signal.SIGTERM)
        with Connection(service.port) as late:
            wait_until(lambda: late.ask("GET", "/readyz").status == 503)
            assert_problem(late.ask("GET", "/readyz"), 503, "draining")
            assert late.ask("GET", "/livez").status == 200
            assert late.ask("POST", STEP, {"Content-Type": RAW}, bytes(24)).status == 200
            service.begin()
            assert late.is_closed()
        assert service.exit_status() == 0
