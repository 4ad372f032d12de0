"""Clients make the service take memory for what they send or do not read; the budget bounds it."""

import array
import random
import re
import select
import socket
from contextlib import ExitStack, contextmanager

import pytest

from api import API, JSON, RAW, SAFETENSORS, assert_problem
from attacks import file
from server import Server, wait_until
from wire import Connection, request_bytes

MIB = 1 << 20
BUDGET = 64 * MIB
# What allocators keep back, socket windows, and the tables of a hundred connections.
SLACK = 32 * MIB


@contextmanager
def service(budget=BUDGET, *, count):
    """A service with this budget, and a session `s` of so many random numbers."""
    with Server("--max-in-flight-body-bytes", str(budget)) as running:
        api = API(running.port)
        values = array.array("f", random.Random(1).choices([0.1234567, -1.2345679e-9], k=count))
        header = {"p": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}
        response = api.put("/v1/sessions/s", body=file(header, values.tobytes()), type=SAFETENSORS)
        assert response.status == 201, response
        yield running, api


def in_flight(api):
    text = api.get("/metrics").body.decode()
    return int(re.search(r"^optimizerd_body_bytes_in_flight (\d+)$", text, re.M)[1])


def statuses(connections):
    """Of those that were answered by now, without reading the answers."""
    sockets = [connection.socket for connection in connections]
    ready = set(select.select(sockets, [], [], 0)[0])
    starts = {one: one.recv(12, socket.MSG_PEEK) for one in ready}
    return [int(starts[one][9:12]) if one in ready else None for one in sockets]


def head(method, target, type, length):
    return request_bytes(method, target, {"Content-Type": type, "Content-Length": str(length)})


SLOW = {
    # A patch as long as one may be, without its last byte.
    "patch": (100, head("PATCH", "/v1/sessions/s", JSON, MIB) + b'{"lr":' + b" " * (MIB - 7)),
    # A file's header of 4 MiB of which half has come.
    "header": (16, head("PUT", "/v1/sessions/t", SAFETENSORS, 4 * MIB + 8)
               + (4 * MIB).to_bytes(8, "little") + b"{" + b" " * 2 * MIB),
    "state header": (16, head("PUT", "/v1/sessions/t/state", SAFETENSORS, 4 * MIB + 8)
                     + (4 * MIB).to_bytes(8, "little") + b"{" + b" " * 2 * MIB),
    # 300 000 values are some 14 MiB.
    "options": (20, head("PUT", "/v1/sessions/t", JSON, MIB)
                + b'{"nonsense":[' + b"0," * 300_000),
    # 60 000 names and descriptions.
    "names": (20, head("PUT", "/v1/sessions/t", JSON, 4 * MIB) + b'{"parameters":{'
              + b",".join(b'"%d":0' % number for number in range(60_000)) + b","),
    # The answer's text, about 12 MiB, is made and waits.
    "answer": (20, request_bytes("GET", "/v1/sessions/s/parameters", {"Accept": JSON})),
}


@pytest.mark.parametrize("kind", SLOW)
def test_slow_clients_share_the_budget(kind):
    count, request = SLOW[kind]
    with service(count=1_000_000) as (running, api):
        wait_until(lambda: in_flight(api) == 0)
        before = running.resident_bytes()
        most = 0
        with ExitStack() as stack:
            connections = []
            for _ in range(count):
                connection = stack.enter_context(Connection(api.port))
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                connections.append(connection)
                try:
                    connection.send(request)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # Refused and closed while the rest of it was sent.
                most = max(most, in_flight(api))
            expected = [200, 503] if kind == "answer" else [503]
            wait_until(lambda: all(status in statuses(connections) for status in expected))
            wait_until(lambda: kind != "answer" or None not in statuses(connections))
            most = max(most, in_flight(api))
            assert set(statuses(connections)) <= {200, 503, None}
            assert BUDGET // 4 < most <= BUDGET
            assert running.resident_bytes() - before < BUDGET + SLACK
            refused = connections[statuses(connections).index(503)].read_response()
            assert_problem(refused, 503, "over-budget", limit=BUDGET)
        wait_until(lambda: in_flight(api) == 0)
        assert api.get("/v1/sessions/s").json()["step"] == 0
        assert api.patch("/v1/sessions/s", json={"max_grad_norm": 1}).status == 200


def test_a_step_whose_answer_has_no_room_changes_nothing():
    count = 200_000
    with service(4 * MIB, count=count) as (_, api):
        gradients = bytes(4 * count)
        with api.unchanged("s"):
            for options in ({"body": gradients, "type": RAW, "headers": {"Accept": JSON}},
                            {"json": {"gradients": {"p": [0] * count}}}):
                response = api.post("/v1/sessions/s/steps", **options)
                assert_problem(response, 503, "over-budget", limit=4 * MIB)
                assert in_flight(api) == 0
            overwrite = api.put("/v1/sessions/s/parameters", body=gradients, type=RAW,
                                headers={"Accept": JSON})
            assert_problem(overwrite, 503, "over-budget", limit=4 * MIB)
            read = api.get("/v1/sessions/s/parameters", headers={"Accept": JSON})
            assert_problem(read, 503, "over-budget", limit=4 * MIB)
        response = api.post("/v1/sessions/s/steps", body=gradients, type=RAW)
        assert response.status == 200, response
        response = api.post("/v1/sessions/s/steps", json={"gradients": {"p": [0] * count}},
                            headers={"Prefer": "return=minimal"})
        assert response.status == 204, response
        wait_until(lambda: in_flight(api) == 0)


def test_what_slow_clients_hold_comes_back():
    """A read that has no room while others send slowly is answered when they are gone."""
    count = 500_000
    request = request_bytes("GET", "/v1/sessions/s/parameters", {"Accept": JSON})
    with service(20 * MIB, count=count) as (_, api), Connection(api.port) as reader:
        with ExitStack() as stack:
            for _ in range(10):
                slow = stack.enter_context(Connection(api.port))
                slow.send(head("POST", "/v1/sessions/s/steps", RAW, 4 * count))
            wait_until(lambda: in_flight(api) >= 5 * 4 * count)
            reader.send(request)
            assert_problem(reader.read_response(), 503, "over-budget", limit=20 * MIB)
        wait_until(lambda: in_flight(api) == 0)
        reader.send(request)
        assert len(reader.read_response().json()["parameters"]["p"]) == count
        wait_until(lambda: in_flight(api) == 0)


def test_a_patch_is_a_small_document(api, session):
    limit = api.get("/v1").json()["limits"]["document_bytes"]
    target = f"/v1/sessions/{session}"
    most = b'{"max_grad_norm": 2' + b" " * (limit - 20) + b"}"
    assert len(most) == limit
    assert api.patch(target, body=most, type=JSON).status == 200
    assert_problem(api.patch(target, body=most + b" ", type=JSON), 413, "body-too-large",
                   limit=limit)
    with Connection(api.port) as connection:
        connection.send(request_bytes(
            "PATCH", target, {"Content-Type": JSON, "Transfer-Encoding": "chunked"}))
        connection.send(b"%x\r\n%s \r\n0\r\n\r\n" % (limit + 1, most))
        assert_problem(connection.read_response(), 413, "body-too-large", limit=limit)


def test_a_description_of_many_tensors(api, name):
    """GET and HEAD tell the same, also where a lane writes it."""
    parameters = {f"layer.{number}": [0] for number in range(2_000)}
    api.create(name, parameters)
    description = api.get(f"/v1/sessions/{name}")
    assert [tensor["name"] for tensor in description.json()["layout"]] == sorted(parameters)
    plain = api.call("HEAD", f"/v1/sessions/{name}")
    assert plain.status == 200
    for field in ("ETag", "Content-Length", "Content-Type"):
        assert plain.header(field) == description.header(field)
