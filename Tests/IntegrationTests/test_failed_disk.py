"""A disk that fails: nothing more is acknowledged, and the process ends to be looked after."""

import signal

import pytest

from api import API, RAW, assert_problem
from retries import RetryingClient, gradient
from server import takes_disturbances
from wire import Closed, Connection

pytestmark = pytest.mark.skipif(
    not takes_disturbances(), reason="a release build cannot be made to fail")

SMALL, LARGE = 64, 70_000


def states_of(api, name, count, steps):
    """The state after each step of a run that nobody has disturbed."""
    api.create(name, {"w": [0] * count})
    states = [api.state(name)]
    for step in range(steps):
        assert api.post(f"/v1/sessions/{name}/steps", body=gradient(step, count),
                        type=RAW).status == 200
        states.append(api.state(name))
    return states


def step(port, number, count):
    with Connection(port) as connection:
        return connection.ask(
            "POST", "/v1/sessions/run/steps",
            {"Content-Type": RAW, "Idempotency-Key": f'"step-{number}"'}, gradient(number, count))


@pytest.mark.parametrize("count", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("call", ["data-sync", "file-write"])
def test_a_failure_ends_it_with_3(lives, api, name, call, count):
    """The step whose sync failed may be there afterwards or not; asking again tells."""
    states = states_of(api, name, count, 6)
    lives.api.create("run", {"w": [0] * count})
    lives.kill()
    lives.start(FAIL_AT=f"{call}:4")
    acknowledged, response = 0, step(lives.server.port, 0, count)
    while response.status == 200:
        acknowledged += 1
        response = step(lives.server.port, acknowledged, count)
    assert 0 < acknowledged < 5
    assert_problem(response, 503, "log-failed")
    assert response.json()["retryable"] is True
    assert lives.server.wait() == 3
    said = lives.server.said()
    assert "critical" in said and "disk has failed" in said, said
    lives.kill_and_start()
    kept = lives.api.get("/v1/sessions/run").json()["step"]
    assert kept in (acknowledged, acknowledged + 1)
    assert lives.api.state("run") == states[kept]
    client = RetryingClient("run", count)
    client.connect(lives.server.port)
    for number in range(acknowledged, 6):
        assert client.attempt(number)
    client.close()
    assert client.replays == kept - acknowledged
    assert lives.api.state("run") == states[6]


def test_nothing_is_acknowledged_after_it(lives):
    """Kept connections see log-failed, or draining, until the process has ended."""
    lives.api.create("run", {"w": [0] * SMALL})
    lives.api.create("other", {"w": [0] * SMALL})
    lives.kill()
    lives.start(FAIL_AT="data-sync:2")
    port = lives.server.port
    with Connection(port) as kept, Connection(port) as ready:
        assert kept.ask("GET", "/livez").status == ready.ask("GET", "/readyz").status == 200
        response = step(port, 0, SMALL)
        number = 0
        while response.status == 200:
            number += 1
            response = step(port, number, SMALL)
        assert_problem(response, 503, "log-failed")
        try:
            answer = ready.ask("GET", "/readyz")
            assert answer.json()["code"] in ("log-failed", "draining")
            for name in ("other", "run"):
                answer = kept.ask("POST", f"/v1/sessions/{name}/steps", {"Content-Type": RAW},
                                  gradient(9, SMALL))
                assert answer.status == 503, answer
        except (Closed, OSError):
            pass  # It has gone already.
    assert lives.server.wait() == 3
    lives.kill_and_start()
    assert lives.api.get("/v1/sessions/other").json()["step"] == 0


def test_a_creation_that_cannot_be_kept(lives):
    lives.kill()
    lives.start(FAIL_AT="data-sync:0")
    try:
        response = API(lives.server.port).put("/v1/sessions/run", json={"parameters": {"w": 1}})
        assert_problem(response, 503, "log-failed")
    except (Closed, OSError):
        pass
    assert lives.server.wait() == 3
    lives.kill_and_start()
    found = lives.api.get("/v1/sessions/run")
    assert found.status == 404 or found.json()["step"] == 0


def test_a_failed_sync_at_the_end_costs_no_step(lives):
    """The last snapshots are a convenience: the log holds everything that they do."""
    lives.api.create("run", {"w": [0] * SMALL})
    lives.kill()
    lives.start(FAIL_AT="rename:0")
    for number in range(3):
        assert step(lives.server.port, number, SMALL).status == 200
    state = lives.api.state("run")
    lives.server.process.terminate()
    assert lives.server.wait() in (0, 3)
    lives.kill_and_start()
    assert lives.api.state("run") == state


def test_a_failure_after_the_order_to_stop_ends_it_with_3_too(lives):
    """Whoever looks after the process must not take it for a clean end."""
    lives.api.create("run", {"w": [0] * SMALL})
    lives.kill()
    lives.start("--drain-delay-seconds", "3600", FAIL_AT="data-sync:2")
    lives.server.process.send_signal(signal.SIGTERM)
    number, response = 1, step(lives.server.port, 0, SMALL)
    while response.status == 200:
        number, response = number + 1, step(lives.server.port, number, SMALL)
    assert_problem(response, 503, "log-failed")
    assert lives.server.wait() == 3
    lives.start()
