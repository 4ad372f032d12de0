"""The bounds that need a service of their own: slow peers, full queues, budgets, draining."""

import signal
import time
from contextlib import ExitStack, contextmanager

import pytest

from api import API, JSON, RAW, SAFETENSORS, assert_problem
from attacks import VALID, file
from server import Server
from wire import Connection, chunked, request_bytes


@contextmanager
def service(*arguments):
    """A service with these bounds, and a session `s` of six numbers in it."""
    with Server(*arguments) as running:
        api = API(running.port)
        api.create("s", {"b": [0, 0], "w": [[0, 0], [0, 0]]})
        yield api


STEP = "/v1/sessions/s/steps"


def test_slow_head():
    with service("--head-deadline-seconds", "1") as api, Connection(api.port) as connection:
        connection.send(b"GET /livez HTTP/1.1\r\nHost:")
        response = connection.read_response()
        assert_problem(response, 408, "head-too-slow")
        assert connection.is_closed()


@pytest.mark.parametrize("type", [JSON, SAFETENSORS, RAW])
def test_slow_body(type):
    bounds = ("--body-rate-window-seconds", "1", "--min-body-bytes-per-second", "1000")
    with service(*bounds) as api, api.unchanged("s"), Connection(api.port) as connection:
        head = request_bytes("POST", STEP, {"Content-Type": type, "Content-Length": "24"})
        connection.send(head + (b"{" if type == JSON else b"\x10\0\0"))
        assert_problem(connection.read_response(), 408, "body-too-slow")
        assert connection.is_closed()


@pytest.mark.parametrize("type, bound, body", [
    (JSON, "--max-json-body-bytes",
     b'{"gradients": {"b": [0, 0], "w": [[0, 0], [0, 0]]}' + b" " * 400 + b"}"),
    (SAFETENSORS, "--max-body-bytes", file(VALID)),
], ids=["JSON", "safetensors"])
def test_too_large_in_chunks(type, bound, body):
    """No length is told, so the refusal comes when the bound is passed."""
    limit = len(body) - 1
    with service(bound, str(limit)) as api, api.unchanged("s"), Connection(api.port) as connection:
        head = request_bytes("POST", STEP, {"Content-Type": type, "Transfer-Encoding": "chunked"})
        connection.send(head + chunked(body, [10, 10]))
        assert_problem(connection.read_response(), 413, "body-too-large", limit=limit)


def test_budget_of_bodies_is_judged_before_100():
    with service("--max-in-flight-body-bytes", "1000000") as api:
        with api.unchanged("s"), Connection(api.port) as connection:
            connection.send(request_bytes("PUT", "/v1/sessions/t", {
                "Content-Type": SAFETENSORS, "Content-Length": "50000000",
                "Expect": "100-continue"}))
            first = connection.read_response(interim=True)
            if first.status == 100:
                # The file's layout, which decides how much it takes, lies in its body.
                header = {"p": {"dtype": "F32", "shape": [12_400_000],
                                "data_offsets": [0, 49_600_000]}}
                connection.send(file(header, b""))
                first = connection.read_response()
            assert_problem(first, 503, "over-budget")
        assert api.step("s", {"b": [0, 0], "w": [[0, 0], [0, 0]]})["step"] == 1


def test_budget_of_state():
    limit = 1 << 20
    with service("--max-state-bytes", str(limit)) as api:
        response = api.put("/v1/sessions/t", json={"parameters": {"p": [0] * 100_000}})
        assert_problem(response, 503, "over-budget", limit=limit)
        assert api.get("/v1/sessions/t").status == 404
        for _ in range(5):
            document = {"parameters": {"p": [0] * 40_000}}
            assert api.put("/v1/sessions/t", json=document).status == 201
            assert api.delete("/v1/sessions/t").status == 204


def test_full_queue():
    """Sixteen bodies lack one byte each; when the bytes come, most steps find the queue full."""
    count, size = 16, 2_000_000
    with service("--max-queue-per-session", "1", "--lanes", "1") as api, ExitStack() as stack:
        zeros = file({"p": {"dtype": "F32", "shape": [size], "data_offsets": [0, 4 * size]}},
                     bytes(4 * size))
        assert api.put("/v1/sessions/big", body=zeros, type=SAFETENSORS).status == 201
        request = request_bytes("POST", "/v1/sessions/big/steps", {
            "Content-Type": RAW, "Prefer": "return=minimal"}, bytes(4 * size))
        connections = [stack.enter_context(Connection(api.port)) for _ in range(count)]
        for connection in connections:
            connection.send(request[:-1])
        for connection in connections:
            connection.send(request[-1:])
        answers = [connection.read_response() for connection in connections]
        refused = [answer for answer in answers if answer.status != 204]
        assert refused
        for answer in refused:
            assert_problem(answer, 429, "queue-full", limit=1)
        assert api.get("/v1/sessions/big").json()["step"] == count - len(refused)


def test_draining():
    """A half-sent body gets its grace and then 503; a whole one that waits is answered."""
    with Server("--drain-grace-seconds", "1") as running:
        api = API(running.port)
        api.create("s", {"b": [0, 0], "w": [[0, 0], [0, 0]]})
        request = request_bytes("POST", STEP, {"Content-Type": RAW}, bytes(24))
        with Connection(running.port) as half, Connection(running.port) as late:
            half.send(request[:-5])
            late.send(request[:-5])
            assert api.get("/readyz").status == 200  # Both heads have been read by now.
            running.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            late.send(request[-5:])
            assert late.read_response().status == 200
            assert_problem(half.read_response(), 503, "draining")
            assert half.is_closed()
        running.process.wait(timeout=30)
        assert running.process.returncode in (0, 1), running.said()


def test_requests_per_connection():
    with service("--max-requests-per-connection", "3") as api, Connection(api.port) as connection:
        for number in (1, 2, 3):
            response = connection.ask("GET", "/livez")
            assert response.status == 200
            assert response.header("Connection") == ("close" if number == 3 else None)
        assert connection.is_closed()
        # Those that were sent behind the last one are not answered, and can be sent again.
        with Connection(api.port) as eager:
            eager.send(request_bytes("GET", "/livez") * 5)
            assert [eager.read_response().status for _ in range(3)] == [200] * 3
            assert eager.is_closed()
