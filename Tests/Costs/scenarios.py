"""What is asked in a steady state: one request over and over, on one connection, one at a time."""

import json
import random
import struct
from dataclasses import dataclass
from functools import partial

from wire import Connection, request_bytes

RAW, SAFETENSORS = "application/octet-stream", "application/safetensors"
JSON = "application/json"


@dataclass(frozen=True)
class Scenario:
    """`layout` is how long each tensor of the session is, without one there is no session.

    `count` is how many requests' cost is taken together. `lead` others come before them, so that
    everything that happens only once has happened.
    """

    name: str
    request: bytes
    layout: dict = None
    durability: str = "none"
    lead: int = 100
    count: int = 1000
    repeats: int = 1
    # How much more than was counted the bounds allow.
    allocation_room: float = 0.5
    system_call_room: float = 0.1

    def ask(self, port, count):
        with Connection(port, timeout=120) as connection:
            if self.layout:
                answer = connection.ask("PUT", "/v1/sessions/s", {"Content-Type": JSON},
                                        creation(self.layout, self.durability))
                assert answer.status == 201, answer
            for _ in range(count * self.repeats):
                connection.send(self.request)
                answer = connection.read_response()
                assert answer.status in (200, 204), answer


def scenarios():
    small, large = {"w": 1000}, {"w": 100_000}
    many = {f"layer.{number:02}.weight": 20 for number in range(50)}
    raw, minimal = step(RAW, raw_body(small)), {"Prefer": "return=minimal"}
    # Threads that hand each other a step wait and wake as it happens, but not once more each time.
    between_threads = {"system_call_room": 0.9}
    of_small, of_many = partial(Scenario, layout=small), partial(Scenario, layout=many)
    return [
        Scenario("livez", request_bytes("GET", "/livez")),
        of_small("parameters-raw", request_bytes("GET", "/v1/sessions/s/parameters",
                                                 {"Accept": RAW})),
        of_small("step-raw", raw),
        of_small("step-raw-minimal", step(RAW, raw_body(small), minimal)),
        of_small("step-raw-durable", raw, durability="log", allocation_room=1,
                 **between_threads),
        Scenario("step-raw-100000", step(RAW, raw_body(large)), large, lead=20, count=200,
                 allocation_room=4, **between_threads),
        of_small("step-safetensors", step(SAFETENSORS, safetensors_body(small))),
        of_many("step-safetensors-50-tensors", step(SAFETENSORS, safetensors_body(many)),
                lead=50, count=150),
        of_small("step-json", step(JSON, json_body(small)), count=200, **between_threads),
    ]


# Twice what costs more anyway: it has to be found beyond each bound of GET /livez.
CANARY = Scenario("canary", request_bytes("GET", "/metrics"), lead=20, count=100,
                  repeats=2)


def step(media_type, body, fields=()):
    fields = {"Content-Type": media_type, **dict(fields)}
    return request_bytes("POST", "/v1/sessions/s/steps", fields, body)


def creation(layout, durability):
    parameters = {name: {"dtype": "F32", "shape": [length], "data": numbers(length)}
                  for name, length in layout.items()}
    return json.dumps({"durability": durability, "parameters": parameters}).encode()


def numbers(count):
    """The same ones each time, with the 17 digits that a Double may need."""
    chance = random.Random(1)
    return [chance.uniform(-1, 1) for _ in range(count)]


def raw_body(layout):
    count = sum(layout.values())
    return struct.pack(f"<{count}f", *numbers(count))


def safetensors_body(layout):
    header, offset = {}, 0
    for name, length in sorted(layout.items()):
        end = offset + 4 * length
        header[name] = {"dtype": "F32", "shape": [length], "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + raw_body(layout)


def json_body(layout):
    tensors = (f'"{name}": [{", ".join(f"{number:.17g}" for number in numbers(length))}]'
               for name, length in layout.items())
    return f'{{"gradients": {{{", ".join(tensors)}}}}}'.encode()
