"""The server never grows: the whole corpus again and again, in a process of its own."""

import pytest

from api import API, JSON, SAFETENSORS
from attacks import MALFORMED_JSON, MALFORMED_SAFETENSORS
from exchanges import corpus
from server import Server
from wire import Closed, Connection, request_bytes

# Rounds after the warm-up, and what resident memory may gain over them: less than a kilobyte for
# each of the refused requests, so a leak of one small object in each would be seen.
WARM_ROUNDS, ROUNDS = 3, 12
GROWTH_LIMIT_BYTES = 4 << 20

# Those that are not HTTP/1.1; the long ones take time and show no more.
REFUSED = [exchange.turns[0].sent for exchange in corpus()
           if exchange.end == "lingers" and len(exchange.turns) == 1
           and len(exchange.turns[0].sent) <= 100_000]


@pytest.fixture
def own():
    with Server() as running:
        yield running


def send(port, request):
    with Connection(port) as connection:
        try:
            connection.send(request)
            connection.read_response()
        except (Closed, OSError):
            pass  # Cut off in the middle of sending: as good a refusal as any.


def one_round(port, index):
    api = API(port)
    name = f"round-{index}"
    api.create(name, {"w": [[0, 0], [0, 0]], "b": [0, 0]})
    target = f"/v1/sessions/{name}/steps"
    for bodies, type in ((MALFORMED_JSON, JSON), (MALFORMED_SAFETENSORS, SAFETENSORS)):
        for body in bodies.values():
            send(port, request_bytes("POST", target, {"Content-Type": type}, body))
            send(port, request_bytes("PUT", f"/v1/sessions/{name}-x", {"Content-Type": type}, body))
            whole = request_bytes("POST", target, {"Content-Type": type}, body)
            with Connection(port) as connection:
                connection.send(whole[: len(whole) * 2 // 3])
    for request in REFUSED:
        send(port, request.replace(b"{session}", name.encode()))
    # Bodies that claim much and send little.
    for length in (1 << 20, 1 << 29):
        with Connection(port) as connection:
            connection.send(request_bytes("PUT", f"/v1/sessions/{name}-x", {
                "Content-Type": SAFETENSORS, "Content-Length": str(length)}, b"\x10\0\0\0\0\0\0\0"))
    assert api.delete(f"/v1/sessions/{name}").status == 204


def test_resident_memory_stays(own):
    for index in range(WARM_ROUNDS):
        one_round(own.port, index)
    before = own.resident_bytes()
    for index in range(ROUNDS):
        one_round(own.port, WARM_ROUNDS + index)
        own.said()
    assert own.is_alive
    grown = own.resident_bytes() - before
    assert grown < GROWTH_LIMIT_BYTES, f"{before} bytes grew by {grown}"
    assert API(own.port).get("/v1/sessions").json()["sessions"] == []


def test_big_sessions_give_their_memory_back(own):
    """Eight megabytes of parameters, created and deleted forty times over."""
    api = API(own.port)
    from safetensors.numpy import save
    import numpy as np

    body = save({"p": np.zeros(2_000_000, np.float32)})

    def cycle():
        assert api.put("/v1/sessions/big", body=body, type=SAFETENSORS).status == 201
        response = api.post("/v1/sessions/big/steps", body=body, type=SAFETENSORS)
        assert response.status == 200
        assert api.delete("/v1/sessions/big").status == 204

    for _ in range(10):
        cycle()
    before = own.resident_bytes()
    for _ in range(30):
        cycle()
    assert own.resident_bytes() - before < 16 << 20
