"""The conformance corpus against the real process: every exchange whole, cut up, and followed by
another request, with the same outcome each time."""

import itertools
import random
import re
from email.utils import parsedate_to_datetime

import pytest

from api import assert_is_problem
from exchanges import corpus, exchanges
from wire import Connection

CORPUS = corpus()
# Told from every other answer by its instance.
NEXT = b"GET /the-next-request HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
# Longer turns are cut at a few places only.
BYTEWISE = 600
names = itertools.count(1)


def test_there_are_enough():
    assert len(CORPUS) >= 150
    assert len({exchange.label for exchange in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("exchange", CORPUS, ids=[exchange.label for exchange in CORPUS])
def test_exchange(api, exchange):
    for run in runs(exchange):
        session = f"conformance-{next(names)}"
        if not exchange.needs_session:
            run(api.port, session)
            continue
        api.create(session, {"w": [[0.1, 0.2], [0.3, 0.4]], "b": [0, 0]}, durability="none")
        api.step(session, {"w": [[1, 2], [3, 4]], "b": [0.1, -0.1]})
        run(api.port, session)
        if all(answer.status >= 400 for answer in exchange.answers):
            assert api.tag(session) == '"1-1"', "a refused request has changed the session"
        for suffix in ("", "-new"):
            assert api.delete(f"/v1/sessions/{session}{suffix}").status in (204, 404)


def runs(exchange):
    """The ways in which one exchange is run."""
    yield lambda port, session: converse(port, exchange, session, cuts=lambda data: [])
    yield lambda port, session: converse(port, exchange, session, cuts=cuts)
    if not exchange.finishes:
        yield lambda port, session: converse(
            port, exchange, session, cuts=lambda data: [], follower=NEXT)


def cuts(data):
    if len(data) <= BYTEWISE:
        return range(1, len(data))
    return random.Random(len(data)).sample(range(1, len(data)), 12)


def converse(port, exchange, session, cuts, follower=b""):
    with Connection(port) as connection:
        answers = []
        for turn in exchange.turns:
            data = turn.sent.replace(b"{session}", session.encode())
            if turn is exchange.turns[-1]:
                data += follower
            connection.send_split(data, cuts(data))
            if turn.finishes:
                connection.finish()
            receive(connection, turn.answers, answers)
        check_end(connection, exchange, answers, is_followed=bool(follower))


def receive(connection, expectations, answers):
    """Reads the answers of one turn and holds each to what is expected of it."""
    ahead = None
    for expected in expectations:
        answer = ahead or connection.read_response(expected.head_only, interim=True)
        ahead = None
        if expected.may_lack and answer.status != expected.status:
            ahead = answer
            continue
        assert answer.status == expected.status, answer
        before = answers[-1] if answers else None
        for check in expected.checks:
            check_one(check, answer, before)
        if answer.status >= 200:
            check_rules(expected, answer)
            answers.append(answer)
        else:
            assert answer.fields == []


def check_one(check, answer, before):
    """One line of the corpus that begins with a colon."""
    if check == "fields as before":
        def plain(fields):
            return [field for field in fields if field[0] != "Date"]
        assert plain(answer.fields) == plain(before.fields)
    elif check.startswith("no "):
        assert answer.header(check[3:]) is None, check
    elif check.startswith("body "):
        assert answer.body == check[5:].encode("latin-1"), check
    elif ": " in check:
        name, value = check.split(": ", 1)
        assert answer.header(name) == value, (check, answer.fields)
    else:
        assert answer.header(check) is not None, check


def check_rules(expected, answer):
    """What holds for every final answer."""
    date = answer.header("Date")  # RFC 9110 §6.6.1, and §5.6.7 on its form
    assert re.fullmatch(r"[MTWFS][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", date)
    assert parsedate_to_datetime(date).strftime("%a, %d %b %Y %H:%M:%S GMT") == date
    assert answer.header("Transfer-Encoding") is None
    length = answer.header("Content-Length")
    if answer.status == 204:  # RFC 9110 §8.6
        assert length is None
    elif answer.status != 304:
        assert re.fullmatch(r"0|[1-9]\d*", length)
    if answer.status == 405:  # RFC 9110 §15.5.6
        assert answer.header("Allow")
    if expected.code:
        assert assert_is_problem(answer)["code"] == expected.code, answer


def check_end(connection, exchange, answers, is_followed):
    """RFC 9112 §9.6: the last answer of a connection says so, and no other one does."""
    if not exchange.finishes:
        closing = [answer.header("Connection") == "close" for answer in answers]
        assert closing == [exchange.end != "kept" and answer is answers[-1] for answer in answers]
    if exchange.end == "kept":
        if not is_followed:
            connection.send(NEXT)
        problem = assert_is_problem(connection.read_response())
        assert problem["instance"] == "/the-next-request", problem
    assert connection.is_closed()
    if exchange.end == "lingers":
        # A socket that is gone answers the first piece with a reset, which fails the second.
        for _ in range(2):
            connection.send(bytes(1000))


CANARIES = """
== another status
RFC 9110 §15
> GET /livez HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n
< 204
< kept
== another code
RFC 9110 §15
> GET /nowhere HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n
< 404 unknown-session
< kept
== a field that is missing
RFC 9110 §15
> GET /livez HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n
< 200
: Allow
< kept
== a field that is too much
RFC 9110 §15
> GET /livez HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n
< 200
: no Content-Type
< kept
== another body
RFC 9110 §15
> GET /livez HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n
< 200
: body {}
< kept
== kept, and said to be closed
RFC 9110 §15
> GET /livez HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n
< 200
< closed
== closed, and said to be kept
RFC 9110 §15
> GET /livez HTTP/1.0\\r\\n\\r\\n
< 200
< kept
== an answer too many
RFC 9110 §15
> GET /livez HTTP/1.1\\r\\nHost: a\\r\\n\\r\\nGET /livez HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n
< 200
< kept
== other fields for HEAD
RFC 9110 §15
> GET /livez HTTP/1.1\\r\\nHost: a\\r\\n\\r\\nHEAD /v1 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n
< 200
< head 200
: fields as before
< kept
"""


@pytest.mark.parametrize("exchange", exchanges(CANARIES, "canary"), ids=lambda e: e.title)
def test_a_wrong_expectation_is_noticed(api, exchange):
    for run in runs(exchange):
        with pytest.raises(AssertionError):
            run(api.port, "nobody")
