"""Who may do what: tokens, their scopes, and the sessions that they open."""

import json
import re

import pytest

import contract
from api import API, JSON, RAW, SAFETENSORS, assert_problem
from server import Server
from tokens import Holder, TokenFile, bearer, secret
from wire import Connection, request_bytes

SCOPES = ["read", "step", "admin"]
CHALLENGE = 'Bearer realm="optimizerd"'
PARAMETERS = {"w": [[0.1, 0.2], [0.3, 0.4]], "b": [0, 0]}
GRADIENTS = {"w": [[1, 2], [3, 4]], "b": [0.1, -0.1]}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    file = TokenFile(tmp_path_factory.mktemp("tokens"))
    for scope in SCOPES:
        file.add(f"own-{scope}", scope, "own-,shared.")
        file.add(f"all-{scope}", scope, "*")
    file.add("other-admin", "admin", "other-")
    return file


@pytest.fixture(scope="module")
def running(file):
    with Server("--tokens", file.path, "--log-level", "debug") as running:
        yield running
        said = running.stop()
    # Whatever the tests of this file did, no secret and no hash was said.
    assert said.count(" debug request ") > 100
    for word in ["opt_", "earer", *file.text().split()[1::4]]:
        assert word not in said.replace("Bearer $TOKEN", ""), word


@pytest.fixture
def holder(running, file):
    return lambda id: Holder(running.port, file.secrets[id])


@pytest.fixture
def root(holder):
    root = holder("all-admin")
    yield root
    for session in root.get("/v1/sessions?page_size=1000").json()["sessions"]:
        assert root.delete(f"/v1/sessions/{session['name']}").status == 204


@pytest.fixture
def state(root):
    """A state file of a session of these parameters."""
    root.create("template", PARAMETERS, durability="none")
    return root.state("template")


def requests(name, state):
    """Every operation of openapi.yaml by its id: a request that is right but for the token."""
    path = f"/v1/sessions/{name}"
    creation = {"parameters": PARAMETERS, "durability": "none"}
    return {
        "getService": ("GET", "/v1", {}),
        "getLiveness": ("GET", "/livez", {}),
        "getReadiness": ("GET", "/readyz", {}),
        "getMetrics": ("GET", "/metrics", {}),
        "getDescriptionOfThisAPI": ("GET", "/openapi.yaml", {}),
        "listSessions": ("GET", "/v1/sessions", {}),
        "createSession": ("PUT", path, {"json": creation}),
        "describeSession": ("GET", path, {}),
        "describeSessionHead": ("HEAD", path, {}),
        "patchSession": ("PATCH", path, {"json": {"optimizer": {"lr": 0.5}}}),
        "step": ("POST", f"{path}/steps", {"json": {"gradients": GRADIENTS}}),
        "getStepReceipt": ("GET", f"{path}/steps/1", {}),
        "getStepReceiptHead": ("HEAD", f"{path}/steps/1", {}),
        "accumulate": ("POST", f"{path}/gradients", {"json": {"gradients": GRADIENTS}}),
        "zeroGrad": ("DELETE", f"{path}/gradients", {}),
        "takeSnapshot": ("POST", f"{path}/snapshots", {}),
        "getParameters": ("GET", f"{path}/parameters", {}),
        "putParameters": ("PUT", f"{path}/parameters", {"json": {"parameters": PARAMETERS}}),
        "getState": ("GET", f"{path}/state", {}),
        "putState": ("PUT", f"{path}/state", {"body": state, "type": SAFETENSORS}),
        "deleteSession": ("DELETE", path, {}),
    }


def operations():
    """(operation id, the scope that openapi.yaml says it needs; None: any token; "": none)."""
    for item in contract.document()["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                choices = operation.get("security", contract.document()["security"])
                bearers = [choice["bearer"] for choice in choices if "bearer" in choice]
                needed = (bearers[0] or [None])[0] if bearers else ""
                yield operation["operationId"], needed


def test_every_operation_is_here():
    assert dict(operations()).keys() == requests("x", b"").keys()


def assert_forbidden(response, scope=None):
    assert response.status == 403, response
    needed = f', scope="{scope}"' if scope else ""
    assert response.header("WWW-Authenticate") == \
        f'{CHALLENGE}, error="insufficient_scope"{needed}'
    if response.body:
        assert_problem(response, 403, "forbidden")


@pytest.mark.parametrize("whose", ["own", "all"])
@pytest.mark.parametrize("operation, needed", list(operations()), ids=dict(operations()))
def test_scopes_are_what_openapi_says(holder, root, state, operation, needed, whose):
    for scope in SCOPES:
        root.create("own-a", PARAMETERS)
        root.step("own-a", GRADIENTS)
        method, target, options = requests("own-a", state)[operation]
        response = holder(f"{whose}-{scope}").call(method, target, **options)
        if needed and SCOPES.index(scope) < SCOPES.index(needed):
            assert_forbidden(response, needed)
        elif operation == "getMetrics" and whose == "own":
            assert_forbidden(response)
        elif operation == "createSession":  # It is there, and was made otherwise.
            assert response.status == 409
        else:
            assert response.status in (200, 204), response
        root.delete("/v1/sessions/own-a")


def test_sessions_begin_and_end_within_the_prefixes(holder, root, state):
    admin = holder("own-admin")
    for name in ["own-", "own-a", "shared.x", "own-.-_"]:
        path = f"/v1/sessions/{name}"
        admin.create(name, PARAMETERS, durability="none")
        assert admin.step(name, GRADIENTS)["step"] == 1
        assert holder("own-step").step(name, GRADIENTS)["step"] == 2
        assert holder("own-read").get(path).json()["step"] == 2
        assert admin.delete(path).status == 204
        assert admin.put(f"{path}/state", body=state, type=SAFETENSORS).status == 201
        assert root.delete(path).status == 204


def normalised(response):
    """All of it but what no two answers have in common."""
    fields = [(name, value) for name, value in response.fields if name != "Date"]
    body = re.sub(rb'"request_id":"[^"]*"', b"", response.body)
    assert (body != response.body) == (b"request_id" in response.body)
    return response.status, fields, body


# The name of the last has the same bytes, but percent-encoded.
FOREIGN = ["other-a", "own", "OWN-a", "xown-a", "shared", "sharedx", "o", "template-1",
           "%6Fther-b"]


@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_foreign_session_is_as_one_that_is_not_there(holder, root, state, scope, foreign):
    """The same bytes before there is one, while there is, and when it is gone."""
    tenant, (method, path, options) = holder(f"own-{scope}"), requests(
        foreign, state)["createSession"]

    def answers():
        found = {}
        for operation, (method, target, options) in requests(foreign, state).items():
            if not target.startswith(path):
                continue
            for name, change in CHANGES.items():
                fields = {**(options.get("headers") or {}), **change}
                response = tenant.call(method, target, **options, headers=fields)
                assert_forbidden(response)
                found[operation, name] = normalised(response)
        for method in ("OPTIONS", "POST", "BREW"):
            found[method] = normalised(tenant.call(method, path))
        return found

    absent = answers()
    assert root.call(method, path, **options).status == 201
    assert root.post(f"{path}/steps", json={"gradients": GRADIENTS}).status == 200
    present = answers()
    assert root.delete(path).status == 204
    assert absent == present == answers()
    assert all(answer[0] == 403 for answer in absent.values())


# None of these is looked at, so they change nothing.
CHANGES = {
    "plain": {}, "tag": {"If-Match": '"1-1"'}, "absent": {"If-None-Match": "*"},
    "key": {"Idempotency-Key": "k"}, "coding": {"Content-Encoding": "gzip"},
    "malformed tag": {"If-Match": "1"}, "accept": {"Accept": "image/png"},
}


def test_a_bad_name_is_bad_for_everybody(holder):
    for id in ["own-read", "all-admin"]:
        for name in ["-own-a", "own-%2F", "a" * 129]:
            assert_problem(holder(id).get(f"/v1/sessions/{name}"), 400, "invalid-name")


def test_forks_need_both_names(holder, root):
    tenant = holder("own-admin")

    def fork(source, name="own-fork"):
        return tenant.put(f"/v1/sessions/{name}?from={source}")

    refused = normalised(fork("other-a"))
    root.create("other-a", PARAMETERS, durability="none")
    assert_forbidden(fork("other-a"))
    assert normalised(fork("other-a")) == refused
    assert normalised(tenant.put("/v1/sessions/own-fork?from=other-a&step=7")) == refused
    response = tenant.put("/v1/sessions/own-fork?from=other-a", headers={"If-Match": '"1-1"'})
    assert normalised(response) == refused
    root.create("own-a", PARAMETERS, durability="none")
    assert_forbidden(fork("own-a", "other-fork"))
    assert fork("own-none").status == 404
    assert fork("own-a").status == 201
    assert root.put("/v1/sessions/other-fork?from=own-a").status == 201


def test_metrics_are_for_those_who_see_all(holder):
    assert holder("all-read").get("/metrics").status == 200
    assert_forbidden(holder("other-admin").get("/metrics"))


UNAUTHENTICATED = {
    "nothing": ({}, 401, None),
    "another scheme": ({"Authorization": "Basic YTpi"}, 401, None),
    "unknown": (bearer(secret()), 401, "invalid_token"),
    "of another form": (bearer("abc"), 401, "invalid_token"),
    "long": (bearer("opt_" + "A" * 8000), 401, "invalid_token"),
    "no token": ({"Authorization": "Bearer"}, 400, "invalid_request"),
    "empty": ({"Authorization": ""}, 400, "invalid_request"),
    "two tokens": ({"Authorization": "Bearer a, Bearer b"}, 400, "invalid_request"),
    "two words": ({"Authorization": "Bearer a b"}, 400, "invalid_request"),
    "no letters": ({"Authorization": "Bearer {}"}, 400, "invalid_request"),
}


@pytest.mark.parametrize("case", UNAUTHENTICATED)
def test_without_a_token_nothing_is_told(running, root, case):
    root.create("own-a", PARAMETERS, durability="none")
    headers, status, error = UNAUTHENTICATED[case]
    anybody, answers = API(running.port), set()
    for method, target in [
        ("GET", "/v1"), ("GET", "/v1/sessions"), ("GET", "/metrics"), ("GET", "/openapi.yaml"),
        ("GET", "/v1/sessions/own-a"), ("GET", "/v1/sessions/none"), ("GET", "/v2"), ("GET", "/"),
        ("GET", "/v1/sessions/-x"), ("BREW", "/v1"), ("PUT", "/livez2"), ("OPTIONS", "/v1"),
        ("POST", "/v1/sessions/own-a"), ("GET", "/v1?access_token=x"), ("GET", "/livez/"),
    ]:
        with Connection(running.port) as connection:
            response = connection.ask(method, target, headers)
        assert response.status == status, response
        challenge = response.header("WWW-Authenticate")
        assert challenge == CHALLENGE + (f', error="{error}"' if error else "")
        problem = response.json()
        assert problem["code"] == ("unauthenticated" if status == 401 else "malformed-request")
        assert problem.pop("instance") == target.split("?")[0]
        problem.pop("request_id")
        answers.add(json.dumps(problem))
    assert len(answers) == 1
    for target in ["/livez", "/readyz"]:
        assert anybody.get(target, headers=headers).status == 200
        assert anybody.call("HEAD", target, headers=headers).status == 200
        assert anybody.call("OPTIONS", target, headers=headers).status == 204
        assert anybody.post(target, headers=headers).status == 405


def test_there_is_one_field(running, file):
    line = f"Authorization: Bearer {file.secrets['all-admin']}\r\n".encode()
    for other in [line, b"Authorization: Basic YTpi\r\n", b"authorization:\r\n"]:
        for lines in [line + other, other + line]:
            with Connection(running.port) as connection:
                connection.send(b"GET /v1 HTTP/1.1\r\nHost: test\r\n" + lines + b"\r\n")
                assert_problem(connection.read_response(), 400, "malformed-request")


@pytest.mark.parametrize("field", ["bearer {}", "BEARER {}", "Bearer   {}", "Bearer {} \t"])
def test_how_the_field_may_be_written(running, file, field):
    headers = {"aUTHORIZATION": field.format(file.secrets["all-read"])}
    with Connection(running.port) as connection:
        assert connection.ask("GET", "/v1", headers).status == 200


def test_a_token_that_is_nearly_right_is_wrong(running, file):
    right = file.secrets["all-admin"]
    for wrong in [right[:-1], right + "A", right + "=", right.swapcase(), right[4:],
                  right[:9] + ("A" if right[9] != "A" else "B") + right[10:]]:
        assert_problem(Holder(running.port, wrong).get("/v1"), 401, "unauthenticated")


WRITES = [
    ("PUT", "", JSON), ("PUT", "", "text/plain"), ("PATCH", "", JSON), ("POST", "/steps", RAW),
    ("POST", "/steps", JSON), ("PUT", "/parameters", RAW), ("PUT", "/state", SAFETENSORS),
]


@pytest.mark.parametrize("method, suffix, type", WRITES)
@pytest.mark.parametrize("holds, status", [(None, 401), ("own-read", 403), ("other-admin", 403)])
@pytest.mark.parametrize("length", [24, 1 << 40])
def test_the_refusal_comes_before_the_body(running, file, root, method, suffix, type, holds,
                                           status, length):
    """The head is all that is ever sent, and the answer is no 100."""
    root.create("own-a", PARAMETERS, durability="none")
    fields = {"Content-Type": type, "Content-Length": str(length), "Expect": "100-continue",
              **(bearer(file.secrets[holds]) if holds else {})}
    with root.unchanged("own-a"), Connection(running.port) as connection:
        connection.send(request_bytes(method, f"/v1/sessions/own-a{suffix}", fields))
        assert connection.read_response(interim=True).status == status
        assert connection.is_closed()
