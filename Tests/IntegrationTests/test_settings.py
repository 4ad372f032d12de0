"""Settings at and beyond their bounds, given as options and as environment variables."""

import re
import subprocess

import pytest

from api import JSON, SAFETENSORS
from server import BINARY
from starts import Run
from wire import Closed, Connection

GREATEST = 2**63 - 1
UPPER_BOUNDS = {
    "max-body-bytes": 2**50,
    "max-json-body-bytes": 2**50,
    "max-request-line-bytes": 2**30,
    "max-field-section-bytes": 2**30,
    "max-field-count": 2**31,
    "max-connections": 2**31,
    "max-requests-per-connection": 2**31,
    "max-in-flight-body-bytes": 2**50,
    "max-state-bytes": 2**50,
    "max-sessions": 2**31,
    "max-queue-per-session": 2**31,
    "max-tensor-count": 2**31,
    "retain-steps": 10**9,
    "head-deadline-seconds": 365 * 86400,
    "min-body-bytes-per-second": 2**50,
    "body-rate-window-seconds": 365 * 86400,
    "write-progress-deadline-seconds": 365 * 86400,
    "idle-seconds": 365 * 86400,
    "drain-delay-seconds": 86400,
    "log-requests-per-second": 10**6,
    "drain-grace-seconds": 365 * 86400,
    "loops": 1024,
    "lanes": 1024,
}
# Every other one is at least 1.
LOWER_BOUNDS = {"retain-steps": 0, "drain-delay-seconds": 0, "log-requests-per-second": 0}


def as_option(name, value):
    return {"arguments": [f"--{name}={value}"]}


def as_variable(name, value):
    return {"environment": {f"OPTIMIZERD_{name.upper().replace('-', '_')}": str(value)}}


def use(port):
    """A life of a session, state file and all. Any answer will do, as will a closed connection."""
    document = b'{"parameters": {"w": [0.5, -0.5]}}'
    state = b""
    for method, target, type in [
        ("GET", "/v1", None), ("PUT", "/v1/sessions/a", JSON),
        ("POST", "/v1/sessions/a/steps", JSON), ("GET", "/v1/sessions/a/state", None),
        ("PUT", "/v1/sessions/b/state", SAFETENSORS), ("GET", "/v1/sessions", None),
    ]:
        body = {JSON: document.replace(b"parameters", b"gradients") if method == "POST"
                else document, SAFETENSORS: state}.get(type, b"")
        with Connection(port) as connection:
            try:
                answer = connection.ask(method, target, {"Content-Type": type} if type else {},
                                        body)
            except (Closed, BrokenPipeError):
                continue
            assert answer.status != 500
            if target.endswith("/a/state"):
                state = answer.body
    return answer


def test_every_number_is_here():
    shown = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"^  --([a-z-]+) <", shown, re.MULTILINE))
    words = {"host", "port", "listen", "tls-certificate", "tls-key", "tls-client-ca", "tokens",
             "data-dir", "log-level", "log-format"}
    assert options - words == set(UPPER_BOUNDS)


@pytest.mark.parametrize("give", [as_option, as_variable])
@pytest.mark.parametrize("name", UPPER_BOUNDS)
def test_beyond_the_bounds(name, give):
    lower, upper = LOWER_BOUNDS.get(name, 1), UPPER_BOUNDS[name]
    beyond = [lower - 1, -1, upper + 1, GREATEST, GREATEST + 1, -GREATEST - 1]
    for value in [*beyond, "many", "1.5", "1e3"]:
        with Run(**give(name, value)) as run:
            sentence = run.refusal()
            assert f"'{value}'" in sentence and f"--{name} " in sentence, sentence
            rule = f"it must be a whole number from {lower} to {upper}."
            assert sentence.endswith(rule), sentence


@pytest.mark.parametrize("give", [as_option, as_variable])
@pytest.mark.parametrize("end", ["lower", "upper"])
@pytest.mark.parametrize("name", UPPER_BOUNDS)
def test_at_the_bounds(name, end, give):
    bounds = LOWER_BOUNDS.get(name, 1), UPPER_BOUNDS[name]
    with Run(**give(name, bounds[end == "upper"])) as run:
        port = run.port()
        answer = use(port)
        assert end == "lower" or answer.status == 200, answer
        run.stop()


@pytest.mark.parametrize("give", [as_option, as_variable])
@pytest.mark.parametrize("value", [-1, 65536, GREATEST, "http"])
def test_no_port(give, value):
    settings = give("port", value)
    with Run(**settings) as run:
        assert f"'{value}'" in run.refusal()


@pytest.mark.parametrize("give", [as_option, as_variable])
@pytest.mark.parametrize("name", ["log-level", "log-format"])
def test_no_such_word(give, name):
    with Run(**give(name, "loud")) as run:
        assert f"--{name}" in run.refusal()


def test_an_option_wins_over_its_variable():
    with Run(["--max-sessions", "7"], {"OPTIMIZERD_MAX_SESSIONS": "0"}) as run:
        with Connection(run.port()) as connection:
            assert connection.ask("GET", "/v1").json()["limits"]["sessions"] == 7
        run.stop()


def test_unknown_variables_and_unclear_flags_are_refused():
    with Run(environment={"OPTIMIZERD_MAX_SESSION": "1"}) as run:
        assert "OPTIMIZERD_MAX_SESSION " in run.refusal()
    with Run(environment={"OPTIMIZERD_INSECURE": "yes"}) as run:
        assert "OPTIMIZERD_INSECURE must be true or false" in run.refusal()


def test_a_flag_may_come_from_its_variable():
    with Run(["--host", "0.0.0.0"]) as run:
        assert "--insecure" in run.refusal()
    for value in ["", "false"]:
        with Run(["--host", "0.0.0.0"], {"OPTIMIZERD_INSECURE": value}) as run:
            assert "--insecure" in run.refusal()
    with Run(["--host", "0.0.0.0"], {"OPTIMIZERD_INSECURE": "true"}) as run:
        assert b"http://0.0.0.0:" in run.process.stdout.readline()
        run.stop()
