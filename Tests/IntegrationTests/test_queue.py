"""One session's turnstile: bounded, first come first served, and one winner a tag (API §4, §5)."""

import signal
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest

from api import API, JSON, RAW, SAFETENSORS, assert_problem
from attacks import file
from server import Server
from wire import Connection, request_bytes

STEPS = "/v1/sessions/s/steps"
SIZE = 4_000_000


def create(api, sizes):
    """The session `s` of these tensors, all zeros."""
    header, end = {}, 0
    for name, size in sizes.items():
        header[name] = {"dtype": "F32", "shape": [size], "data_offsets": [end, end + 4 * size]}
        end += 4 * size
    response = api.put("/v1/sessions/s", body=file(header, bytes(end)), type=SAFETENSORS)
    assert response.status == 201, response


def open_connections(stack, port, count):
    """Connections that the service has accepted and answered on."""
    connections = [stack.enter_context(Connection(port)) for _ in range(count)]
    for connection in connections:
        assert connection.ask("GET", "/livez").status == 200
    return connections


@contextmanager
def stopped(server):
    """The process sees nothing of the block until its end, and then all of it at once."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def small_step():
    """A step of one number in a session whose state takes long to export."""
    body = b'{"gradients": {"tiny": [1]}, "partial": "skip"}'
    return request_bytes("POST", STEPS, {"Content-Type": JSON, "Prefer": "return=minimal"}, body)


def step_number(response):
    return int(response.header("Optimizer-Step"))


def test_steps_are_taken_in_the_order_of_their_arrival():
    """The export has the turn when the steps arrive one after another, each on its connection."""
    with Server("--loops", "1", "--lanes", "1") as running, ExitStack() as stack:
        api = API(running.port)
        create(api, {"big": SIZE, "tiny": 1})
        export, *steps = open_connections(stack, running.port, 33)
        with stopped(running):
            export.send(request_bytes("GET", "/v1/sessions/s/state"))
            for connection in steps:
                connection.send(small_step())
        answers = [connection.read_response() for connection in steps]
        assert [answer.status for answer in answers] == [204] * 32
        assert [step_number(answer) for answer in answers] == list(range(1, 33))
        assert export.read_response().header("ETag").startswith('"1-0')


def test_beyond_the_queue_steps_are_refused_and_not_taken():
    with (Server("--max-queue-per-session", "1", "--loops", "1", "--lanes", "1") as running,
          ExitStack() as stack):
        api = API(running.port)
        create(api, {"big": SIZE, "tiny": 1})
        export, *steps = open_connections(stack, running.port, 33)
        with stopped(running):
            export.send(request_bytes("GET", "/v1/sessions/s/state"))
            for connection in steps:
                connection.send(small_step())
        answers = [connection.read_response() for connection in steps]
        taken = [answer for answer in answers if answer.status == 204]
        refused = [answer for answer in answers if answer.status != 204]
        assert taken and refused
        for answer in refused:
            problem = assert_problem(answer, 429, "queue-full", limit=1)
            assert problem["retryable"] is True
            assert int(answer.header("Retry-After")) > 0
        assert [step_number(answer) for answer in taken] == list(range(1, len(taken) + 1))
        assert export.read_response().status == 200
        assert api.get("/v1/sessions/s").json()["step"] == len(taken)
        # The refused connections are kept, and their next step is taken.
        assert steps[-1].ask("POST", STEPS, {"Content-Type": JSON},
                             b'{"gradients": {"tiny": [1]}, "partial": "skip"}').status == 200


def test_whole_steps_from_many_connections_are_counted_exactly():
    """Bodies as large as the session: each lacks a byte until all others are there."""
    count = 12
    with (Server("--max-queue-per-session", "1", "--lanes", "1") as running,
          ExitStack() as stack):
        api = API(running.port)
        create(api, {"p": SIZE})
        request = request_bytes("POST", STEPS, {"Content-Type": RAW}, bytes(4 * SIZE))
        connections = open_connections(stack, running.port, count)
        for connection in connections:
            connection.send(request[:-1])
        for connection in connections:
            connection.send(request[-1:])
        answers = [connection.read_response() for connection in connections]
        statuses = [answer.status for answer in answers]
        assert set(statuses) == {200, 429}
        taken = sorted(step_number(answer) for answer in answers if answer.status == 200)
        assert taken == list(range(1, statuses.count(200) + 1))
        assert api.get("/v1/sessions/s").json()["step"] == statuses.count(200)


@pytest.mark.parametrize("size", [3, 100_000], ids=["on the loop", "on the lanes"])
def test_of_many_steps_on_one_tag_exactly_one_is_taken(size):
    """Those that pass the look at the head are judged again when their turn has come."""
    with Server("--loops", "2", "--lanes", "2") as running:
        api = API(running.port)
        create(api, {"p": size})
        for done in range(10):
            race(api, np.ones(size, "<f4").tobytes(), f'"1-{done}"', f'"1-{done + 1}"')
        assert api.get("/v1/sessions/s").json()["step"] == 10


def race(api, body, tag, after):
    """Sixteen connections send this step on `tag`; one wins, the others hear of `after`."""
    request = request_bytes("POST", STEPS, {
        "Content-Type": RAW, "If-Match": tag, "Prefer": "return=minimal"}, body)
    with ExitStack() as stack:
        connections = open_connections(stack, api.port, 16)
        for connection in connections:
            connection.send(request[:-1])
        for connection in connections:
            connection.send(request[-1:])
        answers = [connection.read_response() for connection in connections]
    won = [answer for answer in answers if answer.status == 204]
    assert [answer.header("ETag") for answer in won] == [after]
    for answer in answers:
        if answer.status != 204:
            assert_problem(answer, 412, "step-mismatch", expected=tag, current=after)
