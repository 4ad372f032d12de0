"""The service itself: what it says of itself, and paths and methods that it does not have."""

import re
import subprocess

import pytest

import contract
from api import API, assert_problem
from server import BINARY, TOP, Server, wait_until
from wire import Connection


def test_service_names_formats_optimizers_and_limits(api):
    answer = api.get("/v1").json()
    assert "optimizerd" in answer.values()
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", answer["version"])
    assert {"adam", "adamw"} <= set(answer["optimizers"])
    assert answer["limits"]


def test_readme_repeats_the_limits(api):
    """Every published limit stands in README's table with the same default, and no other."""
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    row = re.compile(r"^\|\s*`([a-z0-9_]+)`\s*\|\s*`?([0-9][0-9 _,.]*)", re.MULTILINE)
    rows = dict(row.findall(readme))
    told = {name: float(re.sub(r"[ _,]", "", value)) for name, value in rows.items()}
    limits = api.get("/v1").json()["limits"]
    # Some depend on the machine; README then gives the rule in words instead of a number.
    machine = {name for name in limits if re.search(rf"`{name}`[^\n]*memory", readme)}
    assert set(limits) - machine == set(told) - machine
    for name in set(limits) - machine:
        assert told[name] == limits[name], name


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health(api, path):
    response = api.get(path)
    assert response.status == 200
    assert response.json() == {"status": "ok"}


def metrics(api):
    """Samples by name and labels; every line must be of the Prometheus text format."""
    samples, typed = {}, set()
    for line in api.get("/metrics").body.decode().splitlines():
        if line.startswith("#"):
            kind, name = line.split()[1:3]
            assert kind in ("HELP", "TYPE")
            typed.add(name)
            continue
        sample = re.fullmatch(r"([a-z_]+)(\{[a-z_]+=\"[^\"]*\"\})? (\d+(?:\.\d+)?)", line)
        assert sample and sample[1] in typed, line
        samples[sample[1] + (sample[2] or "")] = float(sample[3])
    return samples


def test_metrics_count(api, name):
    before = metrics(api)
    api.create(name, {"p": [0, 0]})
    with_session = metrics(api)
    assert with_session["optimizerd_sessions"] == before["optimizerd_sessions"] + 1
    assert with_session["optimizerd_state_bytes"] >= before["optimizerd_state_bytes"] + 24
    answered = 'optimizerd_responses_total{class="2xx"}'
    assert with_session[answered] >= before[answered] + 2
    # An answer's memory goes back a moment after its last byte has left.
    wait_until(lambda: metrics(api)["optimizerd_body_bytes_in_flight"] == 0)
    refused = metrics(api)['optimizerd_responses_total{class="4xx"}']
    api.get("/nowhere")
    assert metrics(api)['optimizerd_responses_total{class="4xx"}'] == refused + 1


@pytest.mark.parametrize("code, target, headers", [
    ("unknown-route", "/nowhere", {}), ("unknown-session", "/v1/sessions/none", {}),
    ("expectation-failed", "/livez", {"Expect": "miracles"}),
])
def test_refusals_are_counted_by_their_code(api, code, target, headers):
    """Whoever refuses: the server, the routes or an endpoint."""
    sample = f'optimizerd_refusals_total{{code="{code}"}}'
    before = metrics(api).get(sample, 0)
    for _ in range(2):
        assert api.get(target, headers=headers).json()["code"] == code
    assert metrics(api)[sample] == before + 2


def test_openapi_is_the_committed_document(api):
    response = api.get("/openapi.yaml")
    assert response.body == contract.PATH.read_bytes()


@pytest.mark.parametrize("path", ["/", "/v2", "/v1/", "/v1/session", "/v1/sessions/a/b",
                                  "/v1/sessions/a/steps/1/2", "/livez/", "//livez", "/v1/../livez"])
def test_unknown_routes(api, path):
    assert_problem(api.get(path), 404, "unknown-route")


KNOWN_METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")
PATHS = sorted(contract.document()["paths"])


def target_of(path):
    return path.replace("{name}", "nobody").replace("{n}", "1")


def documented_methods(path):
    """What openapi.yaml has for a path, and what goes without saying."""
    methods = {key.upper() for key in contract.document()["paths"][path]}
    methods &= set(KNOWN_METHODS)
    return methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())


def allowed_methods(response):
    methods = [method.strip() for method in response.header("Allow").split(",")]
    assert len(set(methods)) == len(methods), methods
    return set(methods)


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_refused_with_the_documented_ones(api, path):
    """`Allow` names what openapi.yaml has, so neither knows a method that the other lacks."""
    documented = documented_methods(path)
    for method in set(KNOWN_METHODS) - documented:
        response = api.call(method, target_of(path))
        assert response.status == 405
        if method != "HEAD":
            assert_problem(response, 405, "method-not-allowed")
        assert allowed_methods(response) == documented


@pytest.mark.parametrize("path", [*PATHS, "*"])
def test_options_tells_the_methods(api, path):
    with Connection(api.port) as connection:
        response = connection.ask("OPTIONS", target_of(path))
        assert (response.status, response.body) == (204, b"")
        expected = {*KNOWN_METHODS, "OPTIONS"} if path == "*" else documented_methods(path)
        assert allowed_methods(response) == expected


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["TRACE", "BREW", "get", "PROPFIND", "QUERY"])
def test_unknown_methods(api, method, path):
    """RFC 9110 §9.1: 501 for what the service does not know, 405 for what it does not allow."""
    response = api.call(method, target_of(path))
    assert_problem(response, 501, "not-implemented")
    assert response.header("Allow") is None


@pytest.mark.parametrize("target", ["/v1", "example.com:443"])
def test_connect_is_not_implemented(api, target):
    with Connection(api.port) as connection:
        response = connection.ask("CONNECT", target)
        assert_problem(response, 501, "not-implemented")


@pytest.mark.parametrize("method", KNOWN_METHODS)
def test_unknown_routes_are_404_whatever_the_known_method(api, method):
    assert api.call(method, "/nowhere").status == 404


@pytest.mark.parametrize("path", ["/v1", "/livez", "/readyz", "/metrics", "/v1/sessions"])
def test_head_is_get_without_the_body(api, path):
    full, head = api.get(path), api.call("HEAD", path)
    assert head.status == full.status
    assert head.body == b""
    assert head.header("Content-Type") == full.header("Content-Type")
    if path in ("/livez", "/readyz", "/v1"):
        assert int(head.header("Content-Length")) == len(full.body)


@pytest.mark.parametrize("path", ["/v1", "/livez", "/metrics", "/v1/sessions", "/openapi.yaml"])
def test_unknown_query_parameters(api, path):
    assert_problem(api.get(f"{path}?colour=blue"), 422, "unknown-member", "/colour")


@pytest.mark.parametrize("query", ["prefix=a&prefix=b", "prefix=a&page_size=1&prefix=a",
                                   "prefix=%zz", "prefix=%FF"])
def test_repeated_and_malformed_query_parameters(api, query):
    assert_problem(api.get(f"/v1/sessions?{query}"), 400, "malformed-request")


def test_every_answer_has_a_date(api):
    for path in ("/livez", "/nowhere"):
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
                            api.get(path).header("Date"))


def test_sigterm_drains_and_ends_with_status_0():
    with (Server() as running, Connection(running.port) as idle,
          Connection(running.port) as busy):
        idle.ask("GET", "/livez")
        assert busy.ask("GET", "/readyz").status == 200
        said = running.stop()
        assert idle.is_closed()
    assert "Fatal" not in said and "crash" not in said.lower()


def test_start_prints_an_address_and_a_curl_line():
    with Server() as running:
        said = running.said()
    assert f"http://127.0.0.1:{running.port}" in said
    assert "curl" in said


def options():
    """The names of --help's options."""
    text = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^  --([a-z0-9-]+)", text, re.MULTILINE)) - {"help", "version"}


def test_options_from_the_environment(monkeypatch):
    """Each --max option has its variable, and GET /v1 shows what it was set to."""
    bounds = sorted(option for option in options() if option.startswith("max-"))
    assert len(bounds) > 8
    for index, option in enumerate(bounds):
        variable = "OPTIMIZERD_" + option.upper().replace("-", "_")
        monkeypatch.setenv(variable, str(5001 + index))
    with Server() as running:
        limits = API(running.port).get("/v1").json()["limits"]
    assert set(range(5001, 5001 + len(bounds))) <= set(limits.values())


def test_an_option_wins_over_its_variable(monkeypatch):
    monkeypatch.setenv("OPTIMIZERD_MAX_SESSIONS", "1")
    with Server("--max-sessions", "2") as running:
        api = API(running.port)
        for name in ("a", "b"):
            api.create(name, {"p": 1})
        response = api.put("/v1/sessions/c", json={"parameters": {"p": 1}})
    assert_problem(response, 503, "over-budget", limit=2)


@pytest.mark.parametrize("arguments", [["--port", "65536"], ["--port", "x"], ["--colour", "blue"],
                                       ["--host", "not a host"], ["--host", "0.0.0.0"]])
def test_wrong_options_end_with_a_sentence(arguments):
    ended = subprocess.run([BINARY, "--port", "0", *arguments], capture_output=True, text=True,
                           timeout=20, check=False)
    assert ended.returncode not in (0, -4, -5, -6, -11)
    assert ended.stderr.strip()


def test_unknown_variables_are_not_ignored(monkeypatch):
    """A misspelt setting must not leave its default in force in silence."""
    monkeypatch.setenv("OPTIMIZERD_MAX_SESIONS", "1")
    ended = subprocess.run([BINARY, "--port", "0"], capture_output=True, text=True, timeout=20,
                           check=False)
    assert ended.returncode not in (0, -4, -5, -6, -11)
    assert "OPTIMIZERD_MAX_SESIONS" in ended.stderr
