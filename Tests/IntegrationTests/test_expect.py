"""`Expect: 100-continue` is answered from the head, before any body byte is sent (API §6)."""

import json
import subprocess

import numpy as np
import pytest
from safetensors.numpy import save

from api import JSON, RAW, SAFETENSORS
from wire import Connection, request_bytes

GRADIENTS = {"w": np.ones((2, 2), np.float32), "b": np.ones(2, np.float32)}


def document(member):
    return json.dumps({member: {name: g.tolist() for name, g in GRADIENTS.items()}}).encode()


REQUESTS = {
    "JSON step": ("POST", "/steps", JSON, document("gradients")),
    "safetensors step": ("POST", "/steps", SAFETENSORS, save(GRADIENTS)),
    "raw step": ("POST", "/steps", RAW, bytes(24)),
    "JSON parameters": ("PUT", "/parameters", JSON, document("parameters")),
    "raw parameters": ("PUT", "/parameters", RAW, bytes(24)),
    "patch": ("PATCH", "", JSON, b'{"optimizer": {"lr": 1}}'),
    "JSON creation": ("PUT", "-twin", JSON, document("parameters")),
    "safetensors creation": ("PUT", "-twin", SAFETENSORS, save(GRADIENTS)),
}


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("request_name", REQUESTS)
def test_100_comes_before_the_body(api, session, request_name, chunked):
    """No body byte is sent until 100 is here, so a service that waited would wait for ever."""
    method, suffix, type, body = REQUESTS[request_name]
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
    target = f"/v1/sessions/{session}{suffix}"
    with Connection(api.port) as connection:
        connection.send(request_bytes(method, target, {
            "Content-Type": type, "Expect": "100-continue", **framing}))
        interim = connection.read_response(interim=True)
        assert (interim.status, interim.fields) == (100, [])
        connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body)
        final = connection.read_response(interim=True)
        assert final.status in (200, 201), final
        assert connection.ask("GET", "/livez").status == 200
    if suffix == "-twin":
        assert api.delete(target).status == 204


@pytest.mark.parametrize("change, status", [
    ({"Content-Length": "25"}, 422), ({"Content-Type": "text/plain"}, 415),
    ({"If-Match": '"9-9"'}, 412), ({"Expect": "102-processing"}, 417),
])
def test_a_refusal_takes_the_place_of_100(api, session, change, status):
    fields = {"Content-Type": RAW, "Content-Length": "24", "Expect": "100-continue", **change}
    with api.unchanged(session), Connection(api.port) as connection:
        connection.send(request_bytes("POST", f"/v1/sessions/{session}/steps", fields))
        assert connection.read_response(interim=True).status == status


def test_curl_is_told_to_go_on(api, name):
    """curl says so when it has to give up waiting."""
    values = ",".join(["0.25"] * 300_000)
    ended = subprocess.run(
        ["curl", "-sSv", "--max-time", "60", "-X", "PUT", "--expect100-timeout", "30",
         "-H", "Expect: 100-continue", "-H", "Content-Type: application/json",
         "--data-binary", "@-", f"http://127.0.0.1:{api.port}/v1/sessions/{name}"],
        input=f'{{"parameters": {{"p": [{values}]}}}}'.encode(), capture_output=True, check=True)
    said = ended.stderr.decode()
    assert "< HTTP/1.1 100 " in said and "< HTTP/1.1 201 " in said
    assert "Done waiting for 100-continue" not in said
