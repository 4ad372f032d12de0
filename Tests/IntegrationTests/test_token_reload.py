"""SIGHUP has the file of tokens read again, while connections and sessions go on."""

import signal

import pytest

from api import API, RAW, assert_problem
from server import Server
from tokens import Holder, TokenFile, bearer, digest, reload, secret
from wire import Connection, request_bytes

FAILED = "reload failed"


@pytest.fixture
def file(tmp_path):
    file = TokenFile(tmp_path)
    file.add("alice", "admin", "alice-")
    file.add("bob", "read", "*")
    return file


@pytest.fixture
def running(file):
    with Server("--tokens", file.path, "--log-level", "debug", "--loops", "2") as running:
        yield running
        for token in file.secrets.values():
            assert token not in running.said() and digest(token) not in running.said()


def test_tokens_come_and_go_on_open_connections(file, running):
    added = secret()
    with Connection(running.port) as alice, Connection(running.port) as bob, \
            Connection(running.port) as carol:
        connections = {alice: file.secrets["alice"], bob: file.secrets["bob"], carol: added}

        def statuses():
            return [connection.ask("GET", "/v1/sessions", bearer(token)).status
                    for connection, token in connections.items()]

        assert statuses() == [200, 200, 401]
        file.write(file.text() + f"carol {digest(added)} read c-\n")
        assert statuses() == [200, 200, 401]  # Nothing changes until it is asked for.
        assert "tokens=3" in reload(running)
        assert statuses() == [200, 200, 200]
        file.remove("alice")
        assert "tokens=2" in reload(running)
        assert statuses() == [401, 200, 200]
        file.write("")
        assert "tokens=0" in reload(running)
        assert statuses() == [401, 401, 401]
        assert API(running.port).get("/readyz").status == 200


def test_scopes_and_prefixes_change(file, running):
    alice = Holder(running.port, file.secrets["alice"])
    alice.create("alice-1", {"w": [0]}, durability="none")
    file.write(file.text().replace("admin alice-", "step other-,alice-1"))
    reload(running)
    assert alice.step("alice-1", {"w": [1]})["step"] == 1
    assert_problem(alice.delete("/v1/sessions/alice-1"), 403, "forbidden")
    assert_problem(alice.get("/v1/sessions/alice-2"), 403, "forbidden")
    assert_problem(alice.get("/v1/sessions/other-2"), 404, "unknown-session")


def broken(file):
    """What can be wrong with a file, and what is then said of it."""
    text, token = file.text(), file.secrets["alice"]
    yield "line 3: a token is four words", lambda: file.write(text + "carol\n")
    yield "line 1: the hash must be", lambda: file.write(f"alice {token} admin *\n")
    yield "line 1: the id must be", lambda: file.write(f"{token} {digest(token)} admin *\n")
    yield "line 2: no line feed ends", lambda: file.write(text[:-1])
    yield "line 3: the hash stands on line 1", lambda: file.write(
        f"{text}eve {digest(token)} admin *\n")
    yield "has more than 1048576 bytes", lambda: file.write("#" * (1 << 20) + "\n")
    yield "chmod go-w", lambda: file.write(text, mode=0o666)
    yield "chmod go-w", lambda: file.write(text, mode=0o620)
    yield "ENOENT", file.path.unlink
    yield "is no regular file", file.path.mkdir


def test_a_file_that_cannot_be_used_changes_nothing(file, running):
    text = file.text()
    alice = Holder(running.port, file.secrets["alice"])
    for sentence, break_it in broken(file):
        break_it()
        line = reload(running, FAILED)
        assert sentence in line and " error " in line and str(file.path) in line
        assert alice.get("/v1/sessions").status == 200
        assert_problem(Holder(running.port, secret()).get("/v1"), 401, "unauthenticated")
    file.path.rmdir()
    file.write(text)
    assert "tokens=2" in reload(running)


def test_what_was_let_in_is_finished(file, running):
    """A request is judged once, by its head."""
    alice = Holder(running.port, file.secrets["alice"])
    alice.create("alice-1", {"w": [0]}, durability="none")
    fields = {"Content-Type": RAW, "Content-Length": "4", "Expect": "100-continue",
              **bearer(alice.token)}
    with Connection(running.port) as connection:
        connection.send(request_bytes("POST", "/v1/sessions/alice-1/steps", fields))
        assert connection.read_response(interim=True).status == 100
        file.remove("alice")
        reload(running)
        connection.send(bytes(4))
        assert connection.read_response().status == 200
        assert connection.ask("GET", "/v1/sessions/alice-1", bearer(alice.token)).status == 401


def test_a_hundred_reloads_among_requests(file, running):
    """Every answer is by the one file or by the other."""
    both, without = file.text(), "\n".join(file.text().splitlines()[1:]) + "\n"
    with Connection(running.port) as connection:
        for count in range(100):
            file.write(without if count % 2 == 0 else both)
            running.process.send_signal(signal.SIGHUP)
            for _ in range(5):
                answer = connection.ask("GET", "/v1", bearer(file.secrets["alice"]))
                assert answer.status in (200, 401)
                assert connection.ask("GET", "/v1", bearer(file.secrets["bob"])).status == 200
    file.write(both)
    reload(running)
    assert Holder(running.port, file.secrets["alice"]).get("/v1").status == 200


def test_without_tokens_there_is_nothing_to_read():
    """A unit's reload must not end the service."""
    with Server() as running:
        assert " info " in reload(running, "nothing to reload")
        assert API(running.port).get("/readyz").status == 200
