"""The examples of openapi.yaml are answers that the service really gives."""

import copy

import pytest

import contract
from api import API, JSON, RAW, SAFETENSORS
from attacks import MALFORMED_SAFETENSORS
from server import Server

CLOCKS = ("created", "updated")


def example(name):
    return copy.deepcopy(contract.document()["components"]["examples"][name]["value"])


@pytest.fixture
def demo(api):
    """The session that the examples speak of, at step 1."""
    api.delete("/v1/sessions/demo")
    api.put("/v1/sessions/demo", json=example("SessionCreation"))
    api.post("/v1/sessions/demo/steps", json=example("StepRequest"))
    yield "/v1/sessions/demo"
    api.delete("/v1/sessions/demo")


def without_clocks(answer):
    return {key: value for key, value in answer.items() if key not in CLOCKS}


@pytest.fixture
def fresh():
    """A service that has never had a session, so generations start at 1."""
    with Server() as running:
        yield API(running.port)


def test_creation_and_step(fresh):
    api = fresh
    created = api.put("/v1/sessions/demo", json=example("SessionCreation")).json()
    assert without_clocks(created) == without_clocks(example("SessionDescription"))
    step = api.post("/v1/sessions/demo/steps", json=example("StepRequest")).json()
    assert step == example("StepAnswer")
    assert api.get("/v1/sessions/demo/parameters").json() == example("ParametersAnswer")
    listed = api.get("/v1/sessions?prefix=demo").json()
    assert listed == example("SessionList")
    assert api.patch("/v1/sessions/demo", json=example("SessionPatch")).status == 200
    changed = api.put("/v1/sessions/demo/parameters", json=example("ParametersRequest"))
    assert changed.status == 200
    assert api.delete("/v1/sessions/demo").status == 204


def test_service(api):
    answer, told = api.get("/v1").json(), example("Service")
    # Two limits are shares of the machine's memory.
    for limits in (answer["limits"], told["limits"]):
        assert limits.pop("in_flight_body_bytes") > 0 and limits.pop("state_bytes") > 0
    assert answer == told
    assert api.get("/livez").json() == example("Healthy")


# One request for each problem that one request can provoke.
PROVOKED = {
    "UnknownRoute": ("GET", "/v2", {}),
    "MethodNotAllowed": ("GET", "/v1/sessions/demo/steps", {}),
    "InvalidName": ("GET", "/v1/sessions/-x", {}),
    "MalformedJSON": ("POST", "/v1/sessions/demo/steps", {"body": b"{", "type": JSON}),
    "MalformedSafetensors": ("POST", "/v1/sessions/demo/steps", {
        "body": MALFORMED_SAFETENSORS["overlap"], "type": SAFETENSORS}),
    "UnknownSession": ("GET", "/v1/sessions/nobody", {}),
    "UnknownStep": ("GET", "/v1/sessions/demo/state?step=99", {}),
    "UnknownTensor": ("GET", "/v1/sessions/demo/parameters?tensor=x", {}),
    "NotAcceptable": ("GET", "/v1/sessions/demo/state", {"headers": {"Accept": JSON}}),
    "SessionExists": ("PUT", "/v1/sessions/demo", {"json": {"parameters": {"w": 1}}}),
    "PreconditionFailed": ("DELETE", "/v1/sessions/demo", {"headers": {"If-Match": '"1-0"'}}),
    "StepMismatch": ("POST", "/v1/sessions/demo/steps", {
        "json": {"gradients": {}}, "headers": {"If-Match": '"1-0"'}}),
    "UnsupportedMediaType": ("POST", "/v1/sessions/demo/steps", {"body": b"{}", "type": "text/a"}),
    "UnknownMember": ("GET", "/v1/sessions?pages=1", {}),
    "UnknownReceipt": ("GET", "/v1/sessions/demo/steps/99", {}),
    "InvalidHyperparameter": ("PATCH", "/v1/sessions/demo", {
        "json": {"optimizer": {"betas": [1, 0]}}}),
    "ShapeMismatch": ("POST", "/v1/sessions/demo/steps", {
        "json": {"gradients": {"w": [1, 2, 3, 4], "b": [0, 0]}}}),
    "NonfiniteGradient": ("POST", "/v1/sessions/demo/steps", {
        "json": '{"gradients": {"w": [[1e999, 0], [0, 0]], "b": [0, 0]}}'}),
    "DtypeMismatch": ("GET", "/v1/sessions/demo/parameters", {
        "headers": {"Accept": RAW, "Accept-Tensor-Dtype": "I64"}}),
    "NotImplemented": ("BREW", "/v1/sessions/demo", {}),
}


@pytest.mark.parametrize("name", PROVOKED)
def test_problems(api, demo, name):
    """What belongs to the code is the same in the example: type, title, status, retryable."""
    method, target, options = PROVOKED[name]
    problem, told = api.call(method, target, **options).json(), example(name)
    for member in ("type", "title", "status", "code", "retryable"):
        assert problem[member] == told[member], member
    assert problem.keys() >= told.keys() - {"expected", "actual"}
