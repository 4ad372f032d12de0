"""Requests as tests write them, and what every answer must hold."""

import json as jsonlib
import re
from contextlib import contextmanager

import contract
from wire import Connection

JSON = "application/json"
RAW = "application/octet-stream"
SAFETENSORS = "application/safetensors"
PROBLEM = "application/problem+json"


class API:
    """The service at a port. Every answer is held against openapi.yaml."""

    def __init__(self, port):
        self.port = port

    def call(self, method, target, *, json=None, body=b"", type=None, headers=None):
        """One request on a connection of its own. A JSON body may be an object or text."""
        fields = dict(headers or {})
        if json is not None:
            body = json if isinstance(json, (str, bytes)) else jsonlib.dumps(json)
            type = type or JSON
        if isinstance(body, str):
            body = body.encode("utf-8")
        if type is not None:
            fields["Content-Type"] = type
        with Connection(self.port) as connection:
            response = connection.ask(method, target, fields, body)
        contract.check(method, target, response)
        if response.status >= 400 and method != "HEAD":
            assert_is_problem(response)
        return response

    def get(self, target, **options):
        return self.call("GET", target, **options)

    def put(self, target, **options):
        return self.call("PUT", target, **options)

    def post(self, target, **options):
        return self.call("POST", target, **options)

    def patch(self, target, **options):
        return self.call("PATCH", target, **options)

    def delete(self, target, **options):
        return self.call("DELETE", target, **options)

    def create(self, name, parameters, **members):
        """Creates `name` and returns its description."""
        document = {"parameters": parameters, **members}
        response = self.put(f"/v1/sessions/{name}", json=document)
        assert response.status == 201, response
        return response.json()

    def step(self, name, gradients, **members):
        """One JSON step that must succeed; returns the answer."""
        response = self.post(f"/v1/sessions/{name}/steps", json={"gradients": gradients, **members})
        assert response.status == 200, response
        return response.json()

    def parameters(self, name):
        return self.get(f"/v1/sessions/{name}/parameters").json()["parameters"]

    def state(self, name):
        response = self.get(f"/v1/sessions/{name}/state")
        assert response.status == 200, response
        return response.body

    def tag(self, name):
        return self.get(f"/v1/sessions/{name}").header("ETag")

    @contextmanager
    def unchanged(self, name):
        """The session's state file and tag are the same bytes after the block."""
        before = self.state(name), self.tag(name)
        yield
        assert (self.state(name), self.tag(name)) == before


def assert_is_problem(response):
    """RFC 9457 and the members that every problem of this service has."""
    assert response.media_type == PROBLEM, response
    problem = response.json()
    assert problem["status"] == response.status
    for member in ("type", "title", "detail", "code", "request_id"):
        assert isinstance(problem[member], str) and problem[member], (member, problem)
    assert isinstance(problem["retryable"], bool), problem
    for error in problem.get("errors", []):
        assert error["pointer"] == "" or error["pointer"].startswith("/"), problem
        assert error["detail"], problem
    if problem["status"] in (429, 503):
        assert int(response.header("Retry-After")) > 0, response
    return problem


def assert_problem(response, status, code, pointer=None, **members):
    """This problem, at this place, with these numbers."""
    problem = assert_is_problem(response)
    assert (problem["status"], problem["code"]) == (status, code), problem
    if pointer is not None:
        pointers = [error["pointer"] for error in problem["errors"]]
        # Within a tensor or an array the service may point closer, at the very element.
        assert any(found == pointer or re.fullmatch(re.escape(pointer) + r"(/\d+)+", found)
                   for found in pointers), problem
    for name, value in members.items():
        assert problem[name] == value, (name, problem)
    return problem
