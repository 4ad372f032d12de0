"""A peer that vanishes at any point of a request changes nothing and costs nothing."""

import contextlib
import struct
import time

import pytest

from api import JSON, RAW, SAFETENSORS
from attacks import VALID, file
from wire import Closed, Connection, chunked, request_bytes

BODIES = {
    JSON: b'{"gradients": {"b": [1.5, -2e-3], "w": [[1, 2], [3, 4]]}, "loss": 0.5}',
    SAFETENSORS: file(VALID, struct.pack("<6f", 1, 2, 3, 4, 5, 6)),
    RAW: struct.pack("<6f", 1, 2, 3, 4, 5, 6),
}


def requests(session, type):
    body = BODIES[type]
    target = f"/v1/sessions/{session}/steps"
    yield request_bytes("POST", target, {"Content-Type": type}, body)
    head = request_bytes("POST", target, {"Content-Type": type, "Transfer-Encoding": "chunked"})
    yield head + chunked(body, [5, 11])


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize("type", BODIES)
def test_at_every_offset(api, session, type, reset):
    with api.unchanged(session):
        for request in requests(session, type):
            for offset in range(len(request)):
                connection = Connection(api.port)
                connection.send(request[:offset])
                connection.reset() if reset else connection.close()


@pytest.mark.parametrize("type", BODIES)
def test_half_close_in_the_middle_of_a_body(api, session, type):
    """The peer still listens: it may be told, but the step must not be taken."""
    with api.unchanged(session):
        for request in requests(session, type):
            for offset in range(request.index(b"\r\n\r\n") + 4, len(request), 7):
                with Connection(api.port) as connection:
                    connection.send(request[:offset])
                    connection.finish()
                    with contextlib.suppress(Closed):
                        assert connection.read_response().status >= 400


def test_before_reading_the_answer(api, name):
    """A whole request counts even when nobody waits for its answer, and once only."""
    api.create(name, {"p": [0.0] * 100_000})
    request = request_bytes("POST", f"/v1/sessions/{name}/steps", {"Content-Type": RAW},
                            bytes(400_000))
    for _ in range(5):
        connection = Connection(api.port)
        connection.send(request)
        connection.finish()
        connection.close()
    deadline = time.monotonic() + 20
    while api.get(f"/v1/sessions/{name}").json()["step"] < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert api.get(f"/v1/sessions/{name}").json()["step"] == 5


def test_descriptors_are_given_back(api, server, session):
    """After many cut connections the process holds no more descriptors than before."""
    before = server.descriptor_count()
    request = next(requests(session, RAW))
    for offset in range(0, len(request), 3):
        for _ in range(4):
            connection = Connection(api.port)
            connection.send(request[:offset])
            connection.close()
    deadline = time.monotonic() + 20
    while server.descriptor_count() > before + 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.descriptor_count() <= before + 2
