#!/usr/bin/env python3
"""Writes the examples of openapi.yaml anew, from real answers of the program given.

    make_openapi_examples.py .build/release/optimizerd

Requests are those below; every answer is what the program said to one of them. Only the section
`components/examples`, which is the document's last, is replaced; what is not made here (the answers
to wrong tokens) stays in it as it was.
"""

import http.client
import json
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DOCUMENT = next(
    folder / "openapi.yaml" for folder in Path(__file__).resolve().parents
    if (folder / "openapi.yaml").exists())
SECTION = "\n  examples:\n"
WIDTH = 98
DEMO = "/v1/sessions/demo"
JSON = {"Content-Type": "application/json"}
RAW = {"Content-Type": "application/octet-stream"}

CREATION = {
    "optimizer": {"type": "adam", "lr": 0.001},
    "param_groups": [{"name": "slow", "params": ["b"], "lr": 0.0001}],
    "parameters": {
        "w": [[0.1, 0.2], [0.3, 0.4]],
        "b": {"dtype": "F32", "shape": [2], "data": [0, 0]},
    },
}
STEP = {"gradients": {"w": [[1, 2], [3, 4]], "b": [0.1, -0.1]}, "loss": 0.69}
PATCH = {
    "optimizer": {"lr": 0.0005}, "param_groups": [{"name": "slow", "lr": 0.00005}],
    "max_grad_norm": 1,
}
PARAMETERS = {"parameters": {"b": [0, 0]}}
KEY = {"Idempotency-Key": "run-7-step-1"}

# Of a server as it starts by default, once the session has taken one step with `KEY`.
PROBLEMS = {
    "NotImplemented": ("PATCH", DEMO, JSON | {"Idempotency-Key": '"a"'}, PATCH),
    "UnknownRoute": ("GET", "/v2", {}, None),
    "MethodNotAllowed": ("GET", DEMO + "/steps", {}, None),
    "InvalidName": ("GET", "/v1/sessions/-x", {}, None),
    "MalformedJSON": ("POST", DEMO + "/steps", JSON, b'{"gradients": {"w": [[1, 2], [3,]]}}'),
    "MalformedSafetensors": (
        "POST", DEMO + "/steps", {"Content-Type": "application/safetensors"},
        b'\x38\0\0\0\0\0\0\0{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}   \0\0\0\0'),
    "UnknownSession": ("GET", "/v1/sessions/nobody", {}, None),
    "UnknownStep": ("GET", DEMO + "/state?step=7", {}, None),
    "UnknownReceipt": ("GET", DEMO + "/steps/7", {}, None),
    "IdempotencyKeyReused": ("POST", DEMO + "/steps", JSON | KEY, {"gradients": {}}),
    "NoPlaceForSnapshots": ("POST", "/v1/sessions/scratch/snapshots", {}, None),
    "UnknownTensor": ("GET", DEMO + "/parameters?tensor=x", {}, None),
    "NotAcceptable": ("GET", DEMO + "/parameters", {"Accept": "text/html"}, None),
    "SessionExists": ("PUT", DEMO, JSON, {"parameters": {"w": [1, 2]}}),
    "PreconditionFailed": ("PATCH", DEMO, JSON | {"If-Match": '"1-0"'}, PATCH),
    "StepMismatch": ("POST", DEMO + "/steps", JSON | {"If-Match": '"1-0"'}, STEP),
    "UnsupportedMediaType": (
        "POST", DEMO + "/steps", {"Content-Type": "application/x-www-form-urlencoded"}, STEP),
    "UnknownMember": ("GET", "/v1/sessions?pages=2", {}, None),
    "DtypeMismatch": ("GET", DEMO + "/parameters", {"Accept-Tensor-Dtype": "I64"}, None),
    "InvalidHyperparameter": (
        "PUT", "/v1/sessions/other", JSON,
        {"optimizer": {"betas": [1, 0.999]}, "parameters": {"w": 1}}),
    "ShapeMismatch": (
        "POST", DEMO + "/steps", JSON, {"gradients": {"w": [1, 2, 3, 4], "b": [0, 0]}}),
    "NonfiniteGradient": (
        "POST", DEMO + "/steps", JSON, b'{"gradients": {"w": [[1, 2], [1e999, 4]], "b": [0, 0]}}'),
}

ORDER = """
    Service Healthy Metrics SessionList SessionCreation SessionDescription SessionPatch
    StepRequest StepAnswer StepReceipt SnapshotAnswer ParametersRequest ParametersAnswer
    NotImplemented UnknownRoute MethodNotAllowed InvalidName MalformedJSON MalformedSafetensors
    UnknownSession UnknownStep OutdatedStep UnknownReceipt UnknownTensor NotAcceptable BodyTooSlow
    SessionExists IdempotencyInProgress PreconditionFailed StepMismatch BodyTooLarge
    UnsupportedMediaType UnknownMember DtypeMismatch InvalidHyperparameter ShapeMismatch
    NonfiniteGradient IdempotencyKeyReused NoPlaceForSnapshots QueueFull SessionQuarantined
    Draining Recovering OverBudget LogFull
    """.split()


class Server:
    """The program on a port and in a data directory of its own."""

    def __init__(self, program, *options, directory=None, **process):
        if directory is None:
            self.temporary = tempfile.TemporaryDirectory()
            directory = self.temporary.name
        self.process = subprocess.Popen(
            [program, "--port", "0", "--data-dir", directory, *options], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, **process)
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                return
        sys.exit(f"{program} printed no address")

    def ask(self, method, target, headers, body):
        """The status and the body, read as JSON where it is that."""
        if isinstance(body, dict):
            body = json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, target, body, headers)
        return read(connection.getresponse())

    def send_half(self, head):
        """A request whose body has begun and does not go on."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(("\r\n".join(head) + "\r\n\r\n").encode() + b"{")
        return connection

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=60)


def read(response):
    body = response.read()
    is_json = "json" in (response.getheader("Content-Type") or "")
    return response.status, json.loads(body) if is_json else body.decode()


def read_raw(connection):
    response = http.client.HTTPResponse(connection)
    response.begin()
    return read(response)


def answers_by_default(program):
    server = Server(program)
    found = {
        "SessionCreation": CREATION, "StepRequest": STEP, "SessionPatch": PATCH,
        "ParametersRequest": PARAMETERS,
        "Service": server.ask("GET", "/v1", {}, None)[1],
        "Healthy": server.ask("GET", "/livez", {}, None)[1],
        "SessionDescription": server.ask("PUT", DEMO, JSON, CREATION)[1],
        "StepAnswer": server.ask("POST", DEMO + "/steps", JSON | KEY, STEP)[1],
        "StepReceipt": server.ask("GET", DEMO + "/steps/1", {}, None)[1],
        "ParametersAnswer": server.ask("GET", DEMO + "/parameters", {}, None)[1],
        "SessionList": server.ask("GET", "/v1/sessions", {}, None)[1],
        "Metrics": server.ask("GET", "/metrics", {}, None)[1],
        "SnapshotAnswer": server.ask("POST", DEMO + "/snapshots", {}, None)[1],
    }
    server.ask("PUT", "/v1/sessions/scratch", JSON, {"durability": "none", "parameters": {"w": 1}})
    for name, request in PROBLEMS.items():
        found[name] = server.ask(*request)[1]
    with server.send_half([
        f"POST {DEMO}/steps HTTP/1.1", "Host: a", "Content-Type: application/json",
        "Content-Length: 1073741825",
    ]) as connection:
        found["BodyTooLarge"] = read_raw(connection)[1]
    # Two snapshots are kept: with the third and fourth the first two go.
    for _ in range(3):
        server.ask("POST", DEMO + "/steps", JSON, STEP)
        server.ask("POST", DEMO + "/snapshots", {}, None)
    found["OutdatedStep"] = server.ask("GET", DEMO + "/state?step=1", {}, None)[1]
    server.stop()
    return found


def answers_under_pressure(program):
    """What only a full or impatient server says."""
    half = ["Host: a", "Content-Type: application/json", "Content-Length: 100"]
    impatient = Server(program, "--body-rate-window-seconds", "1")
    impatient.ask("PUT", DEMO, JSON, CREATION)
    with impatient.send_half([f"POST {DEMO}/steps HTTP/1.1", *half]) as connection:
        found = {"BodyTooSlow": read_raw(connection)[1]}
    impatient.stop()
    server = Server(
        program, "--max-sessions", "1", "--max-queue-per-session", "1",
        "--drain-grace-seconds", "1")
    count = 4_000_000
    vector = bytes(4 * count)
    header = json.dumps({"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}})
    header += " " * (-len(header) % 8)
    server.ask("PUT", DEMO, {"Content-Type": "application/safetensors"},
               len(header).to_bytes(8, "little") + header.encode() + vector)
    found["OverBudget"] = server.ask("PUT", "/v1/sessions/second", JSON, CREATION)[1]
    with ThreadPoolExecutor(16) as pool:
        steps = [pool.submit(server.ask, "POST", DEMO + "/steps", RAW, vector)
                 for _ in range(64)]
        refused = [step.result()[1] for step in steps if step.result()[0] == 429]
    found["QueueFull"] = refused[0]
    found["IdempotencyInProgress"] = answer_while_running(server, vector)
    with server.send_half([f"POST {DEMO}/steps HTTP/1.1", *half]) as connection:
        server.process.send_signal(signal.SIGTERM)
        found["Draining"] = read_raw(connection)[1]
    server.stop()
    return found


def answer_while_running(server, vector):
    """What a second request with a key is told while the first is being executed."""
    head = [f"POST {DEMO}/steps HTTP/1.1", "Host: a", f"Content-Type: {RAW['Content-Type']}",
            f"Content-Length: {len(vector)}", "Expect: 100-continue"]
    for attempt in range(200):
        key = f"attempt-{attempt}"
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(
                server.ask, "POST", DEMO + "/steps", RAW | {"Idempotency-Key": key}, vector)
            while not first.done():
                with socket.create_connection(("127.0.0.1", server.port), timeout=30) as second:
                    lines = [*head, f"Idempotency-Key: {key}"]
                    second.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
                    if b" 409 " in second.recv(13, socket.MSG_PEEK):
                        return read_raw(second)[1]
    sys.exit("no request was seen being executed")


def answers_about_the_disk(program):
    """What a disk that is full or damaged lets the program say, and a long start."""
    # Python lets its children ignore SIGXFSZ unless told otherwise; too large is then an errno,
    # which the program takes for a full disk.
    full = Server(
        program, restore_signals=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)))
    full.ask("PUT", DEMO, JSON, CREATION)
    answers = (full.ask("POST", DEMO + "/steps", JSON, STEP) for _ in range(100))
    found = {"LogFull": next(answer for status, answer in answers if status == 507)}
    full.stop()
    with tempfile.TemporaryDirectory() as directory:
        server = Server(program, directory=directory)
        server.ask("PUT", DEMO, JSON, CREATION)
        server.ask("POST", DEMO + "/steps", JSON, STEP)
        for number in range(1000):
            server.ask("PUT", f"/v1/sessions/other-{number}", JSON, CREATION)
        server.kill()
        log = next(Path(directory).glob("sessions/demo@1/log-*"))
        content = bytearray(log.read_bytes())
        content[-40] ^= 1
        log.write_bytes(content)
        # A path that says nothing of this machine.
        server = Server(program, directory="data", cwd=linked(directory))
        status, found["Recovering"] = server.ask("GET", "/readyz", {}, None)
        if status != 503:
            sys.exit("the start was faster than the question")
        while status == 503:
            status, found["SessionQuarantined"] = server.ask("GET", DEMO, {}, None)
        server.stop()
    return found


def linked(directory):
    """A directory in which "data" is the one given."""
    place = Path(directory, "elsewhere")
    place.mkdir()
    (place / "data").symlink_to(directory)
    return place


def tokens(value):
    """The pieces of a YAML flow value; lines may be broken between them."""
    if isinstance(value, dict):
        pieces = [[f"{key}: {first}", *rest] for key, (first, *rest) in
                  ((key, tokens(item)) for key, item in value.items())]
        return enclosed("{", pieces, "}")
    if isinstance(value, list):
        return enclosed("[", [tokens(item) for item in value], "]")
    if isinstance(value, float):
        # YAML 1.1 readers take an exponent without a point for text.
        mantissa, _, exponent = repr(value).partition("e")
        if not exponent:
            return [mantissa]
        return [f"{mantissa}{'' if '.' in mantissa else '.0'}e{int(exponent):+d}"]
    text = json.dumps(value, ensure_ascii=False)
    # A line break inside a quoted YAML scalar reads as one space.
    return text.split(" ") if isinstance(value, str) and "  " not in value else [text]


def enclosed(opening, pieces, closing):
    flat = []
    for index, piece in enumerate(pieces):
        piece = list(piece)
        piece[-1] += "," if index < len(pieces) - 1 else ""
        flat += piece
    flat = flat or [""]
    flat[0] = opening + flat[0]
    flat[-1] += closing
    return flat


def section(examples):
    lines = []
    for name in ORDER:
        value = examples[name]
        lines.append(f"    {name}:")
        if isinstance(value, str) and "\n" in value:
            lines.append("      value: |")
            lines += ["        " + line for line in value.splitlines()]
            continue
        line = "      value:"
        for token in tokens(value):
            if len(line) + 1 + len(token) > WIDTH and line.strip() != "value:":
                lines.append(line)
                line = "       "
            line += " " + token
        lines.append(line)
    return "\n".join(lines) + "\n"


def others(section):
    """Examples that are not made here, as they stand."""
    found = re.findall(r"^    (\w+):\n((?:      .*\n)+)", section, re.M)
    return "".join(f"    {name}:\n{lines}" for name, lines in found if name not in ORDER)


def main(program):
    program = str(Path(program).resolve())
    examples = (answers_by_default(program) | answers_under_pressure(program)
                | answers_about_the_disk(program))
    text = DOCUMENT.read_text(encoding="utf-8")
    start = text.index(SECTION) + len(SECTION)
    DOCUMENT.write_text(
        text[:start] + section(examples) + others(text[start:]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
