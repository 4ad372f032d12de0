"""Reads that wait for something newer: `If-None-Match` with `Prefer: wait` (RFC 7240)."""

import threading
import time

import pytest

from api import API, RAW
from server import Server
from wire import Connection, request_bytes

START = {"w": [0.5, -1.0], "b": [2.0]}
GRADIENTS = {"w": [1, 1], "b": [1]}


def poll(api, name, tag, seconds, target="", **headers):
    return api.get(f"/v1/sessions/{name}/parameters{target}",
                   headers={"If-None-Match": tag, "Prefer": f"wait={seconds}"} | headers)


class Polls:
    """Reads on connections of their own, each sent before anything else happens."""

    def __init__(self, api, name, tag, count, seconds=60, target="", **headers):
        self.connections = [Connection(api.port) for _ in range(count)]
        for connection in self.connections:
            fields = {"If-None-Match": tag, "Prefer": f"wait={seconds}"} | headers
            connection.send(
                request_bytes("GET", f"/v1/sessions/{name}/parameters{target}", fields))

    def answers(self):
        return [connection.read_response() for connection in self.connections]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self.connections:
            connection.close()


def waiting(api, count):
    """Once so many reads wait, as the metrics tell."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        text = api.get("/metrics").body.decode()
        if f"optimizerd_waiting_reads {count}\n" in text:
            return
        time.sleep(0.01)
    pytest.fail(f"there are never {count} waiting reads")


def test_nothing_new_ends_the_wait(api, name):
    api.create(name, START)
    began = time.monotonic()
    answer = poll(api, name, '"1-0"', 1)
    assert answer.status == 304 and answer.header("Preference-Applied") == "wait=1"
    assert answer.header("ETag").startswith('"1-0')
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("prefer", ["wait=0", "wait", "wait=x", "wait=-1", "return=minimal"])
def test_no_wait_no_waiting(api, name, prefer):
    api.create(name, START)
    answer = api.get(f"/v1/sessions/{name}/parameters",
                     headers={"If-None-Match": '"1-0"', "Prefer": prefer})
    assert answer.status == 304 and answer.header("Preference-Applied") is None


def test_any_version_is_never_newer(api, name):
    api.create(name, START)
    answer = poll(api, name, "*", 60)
    assert answer.status == 304 and answer.header("Preference-Applied") is None


def test_something_newer_is_there_already(api, name):
    api.create(name, START)
    api.step(name, GRADIENTS)
    answer = poll(api, name, '"1-0"', 60)
    assert answer.status == 200 and answer.json()["step"] == 1
    assert api.get(f"/v1/sessions/{name}/parameters",
                   headers={"Prefer": "wait=60"}).status == 200


@pytest.mark.parametrize("change", ["step", "patch", "parameters", "state"])
def test_every_change_wakes(api, name, change):
    api.create(name, START)
    place = f"/v1/sessions/{name}"
    state = api.state(name)
    with Polls(api, name, '"1-0"', 3) as polls:
        waiting(api, 3)
        if change == "step":
            api.step(name, GRADIENTS)
        elif change == "patch":
            api.patch(place, json={"optimizer": {"lr": 1}})
        elif change == "parameters":
            api.put(f"{place}/parameters", json={"parameters": {"b": [7]}})
        else:
            api.put(f"{place}/state", body=state, type="application/safetensors")
        for answer in polls.answers():
            assert answer.status == 200 and answer.header("Preference-Applied") == "wait=60"
            assert answer.header("ETag") == api.get(f"{place}/parameters").header("ETag")
            assert answer.json()["parameters"] == api.parameters(name)
    waiting(api, 0)


def test_what_is_no_change_wakes_nobody(api, name):
    """Accumulated gradients and skipped steps leave the version as it is."""
    api.create(name, START)
    with Polls(api, name, '"1-0"', 1) as polls:
        waiting(api, 1)
        api.post(f"/v1/sessions/{name}/gradients", json={"gradients": GRADIENTS})
        api.post(f"/v1/sessions/{name}/steps?nonfinite=skip", body=b"\0\0\x80\x7f" * 3, type=RAW)
        waiting(api, 1)
        api.step(name, GRADIENTS)
        assert polls.answers()[0].json()["step"] == 1


def test_hundreds_wait_for_one_step(api, name):
    """In every format, of all tensors and of one, more than may stand in a session's line."""
    api.create(name, START)
    place = f"/v1/sessions/{name}/parameters"
    kinds = [("", {}), ("?tensor=w", {}), ("", {"Accept": RAW}),
             ("?tensor=b", {"Accept": "application/safetensors"})]
    groups = [Polls(api, name, '"1-0"', 75, target=target, **headers) for target, headers in kinds]
    waiting(api, 300)
    api.step(name, GRADIENTS)
    for group, (target, headers) in zip(groups, kinds, strict=True):
        expected = api.get(f"{place}{target}", headers=headers)
        with group:
            for answer in group.answers():
                assert (answer.status, answer.body) == (200, expected.body)
                assert answer.header("ETag") == expected.header("ETag")
    waiting(api, 0)


def test_readings_of_many_tensors_fill_no_line(api, name):
    """More different ones than may wait for a session's turn at once."""
    api.create(name, {f"t{index}": [0.5] for index in range(100)})
    groups = [Polls(api, name, '"1-0"', 1, target=f"?tensor=t{index}") for index in range(100)]
    waiting(api, 100)
    api.step(name, {f"t{index}": [1] for index in range(100)})
    for index, group in enumerate(groups):
        with group:
            answer = group.answers()[0]
            assert answer.status == 200 and list(answer.json()["parameters"]) == [f"t{index}"]


def test_heads_wait_too(api, name):
    api.create(name, START)
    answer = api.call("HEAD", f"/v1/sessions/{name}/parameters", headers={
        "If-None-Match": '"1-0"', "Prefer": "wait=1"})
    assert answer.status == 304 and answer.header("Preference-Applied") == "wait=1"


def test_a_follower_misses_no_step(api, name):
    """Each poll goes on from what the one before has told, while somebody steps."""
    api.create(name, START)
    seen, tag = [0], '"1-0"'
    worker = threading.Thread(target=lambda: [api.step(name, GRADIENTS) for _ in range(60)])
    worker.start()
    while seen[-1] < 60:
        answer = poll(api, name, tag, 30)
        assert answer.status == 200
        seen.append(answer.json()["step"])
        tag = answer.header("ETag")
    worker.join()
    assert seen == sorted(set(seen))


def test_a_deleted_session_is_gone(api, name):
    api.create(name, START)
    polls = [Polls(api, name, '"1-0"', 2, target=target) for target in ("", "?tensor=w")]
    waiting(api, 4)
    assert api.delete(f"/v1/sessions/{name}").status == 204
    for group in polls:
        with group:
            for answer in group.answers():
                assert answer.status == 404


def test_a_connection_goes_on_after_it(api, name):
    api.create(name, START)
    with Polls(api, name, '"1-0"', 1, seconds=1) as polls:
        connection = polls.connections[0]
        # Sent before the first is answered: it has its turn then.
        connection.send(request_bytes("GET", f"/v1/sessions/{name}"))
        assert connection.read_response().status == 304
        assert connection.read_response().json()["step"] == 0


def test_clients_that_went_are_no_harm(api, name):
    api.create(name, START)
    with Polls(api, name, '"1-0"', 20, seconds=2):
        waiting(api, 20)
    api.step(name, GRADIENTS)
    waiting(api, 0)
    assert poll(api, name, '"1-0"', 9).json()["step"] == 1


def test_a_drain_waits_for_nobody():
    with Server() as server:
        api = API(server.port)
        api.create("run", START)
        with Polls(api, "run", '"1-0"', 3) as polls:
            waiting(api, 3)
            server.stop()
            for answer in polls.answers():
                assert answer.status == 304 and answer.header("Preference-Applied") is None
