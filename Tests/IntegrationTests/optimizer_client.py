"""A small NumPy client of optimizerd: parameters and gradients are dictionaries of arrays.

    client = OptimizerClient("http://127.0.0.1:8080")
    client.create("run-1", {"w": w, "b": b}, optimizer={"type": "adamw", "lr": 1e-3})
    parameters = client.step("run-1", {"w": grad_w, "b": grad_b}, loss=loss)

It needs NumPy and safetensors and nothing else. The three formats carry the same bits: "json" is
the one to read, "safetensors" names its tensors, "raw" is one vector in byte order of the names.
"""

import http.client
import json
from urllib.parse import quote, urlencode, urlsplit

import numpy as np
from safetensors.numpy import load, save

MEDIA_TYPES = {
    "json": "application/json",
    "safetensors": "application/safetensors",
    "raw": "application/octet-stream",
}


class OptimizerError(Exception):
    """A problem document: `code` says what, `detail` how to mend it, `retryable` what to do."""

    def __init__(self, problem):
        super().__init__(f"{problem['code']}: {problem['detail']}")
        self.problem = problem
        self.code = problem["code"]
        self.retryable = problem["retryable"]


class OptimizerClient:
    """One keep-alive connection to a service. Not for use from several threads."""

    def __init__(self, address, timeout=60):
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        self.last_headers = {}

    def create(self, session, parameters, **options):
        """Creates the session; returns its description. `options`: optimizer, param_groups, …"""
        body = save(_contiguous(parameters), {"session": json.dumps(options)})
        return json.loads(self._ask("PUT", _path(session), body, "safetensors"))

    def describe(self, session):
        return json.loads(self._ask("GET", _path(session)))

    def change(self, session, **members):
        """Changes hyperparameters from the next step on; returns the description."""
        body = json.dumps(members).encode()
        return json.loads(self._ask("PATCH", _path(session), body, "json"))

    def delete(self, session):
        self._ask("DELETE", _path(session))

    def step(self, session, gradients, format="safetensors", **options):
        """One optimizer step. Returns the updated parameters, as arrays of the gradients' shapes.

        `options`: lr, grad_scale, max_grad_norm, nonfinite, partial, loss. What else the answer
        says (norm, whether the step was applied) is in `last_headers`.
        """
        path = _path(session, "/steps")
        if format == "json":
            tensors = {name: array.tolist() for name, array in gradients.items()}
            body = json.dumps({"gradients": tensors, **options}).encode()
        elif format == "safetensors":
            metadata = {"options": json.dumps(options)} if options else None
            body = save(_contiguous(gradients), metadata)
        else:
            words = {name: value if isinstance(value, str) else json.dumps(value)
                     for name, value in options.items()}
            path += "?" + urlencode(words) if words else ""
            body = _vector(gradients)
        return _tensors(self._ask("POST", path, body, format), format, gradients)

    def parameters(self, session):
        answer = self._ask("GET", _path(session, "/parameters"), accept="safetensors")
        return load(answer)

    def overwrite(self, session, parameters):
        """Replaces these parameters and keeps the moments, for projections."""
        body = save(_contiguous(parameters))
        self._ask("PUT", _path(session, "/parameters"), body, "safetensors", minimal=True)

    def state(self, session):
        """Everything that resumes the run, as the bytes of a safetensors file."""
        return self._ask("GET", _path(session, "/state"))

    def restore(self, session, state):
        return json.loads(self._ask("PUT", _path(session, "/state"), state, "safetensors"))

    def _ask(self, method, path, body=None, format=None, accept=None, minimal=False):
        headers = {}
        if format is not None:
            headers["Content-Type"] = MEDIA_TYPES[format]
        if accept is not None:
            headers["Accept"] = MEDIA_TYPES[accept]
        if minimal:
            headers["Prefer"] = "return=minimal"
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        self.last_headers = dict(response.headers)
        if response.status >= 400:
            raise OptimizerError(json.loads(answer))
        return answer


def _path(session, suffix=""):
    return f"/v1/sessions/{quote(session, safe='')}{suffix}"


def _in_byte_order(tensors):
    return sorted(tensors, key=lambda name: name.encode("utf-8"))


def _contiguous(tensors):
    return {name: np.ascontiguousarray(array).reshape(np.shape(array))
            for name, array in tensors.items()}


def _vector(tensors):
    little = [np.asarray(tensors[name]).astype(np.asarray(tensors[name]).dtype.newbyteorder("<"))
              for name in _in_byte_order(tensors)]
    return b"".join(array.tobytes() for array in little)


def _tensors(answer, format, like):
    """The answer's parameters as arrays; a tensor that the request lacked is left out of raw."""
    if format == "safetensors":
        return load(answer)
    if format == "json":
        # Python would read "-0" as an integer, which has no sign.
        tensors = json.loads(answer, parse_int=float)["parameters"]
        return {name: np.array(value, dtype=like[name].dtype).reshape(np.shape(like[name]))
                for name, value in tensors.items() if name in like}
    result, start = {}, 0
    for name in _in_byte_order(like):
        array = np.asarray(like[name])
        result[name] = np.frombuffer(answer, array.dtype, array.size, start).reshape(array.shape)
        start += array.nbytes
    return result
