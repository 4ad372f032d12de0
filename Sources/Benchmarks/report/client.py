"""Requests that the report itself makes of the service: not timed by the microsecond."""

import http.client
import json

from report.failure import Failure

RAW = "application/octet-stream"
SAFETENSORS = "application/safetensors"
BLOCK_BYTES = 1 << 20
ONE_F32 = b"\0\0\x80\x3f"
ONE_BF16 = b"\x80\x3f"


class Client:
    """One connection."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection(server.url.removeprefix("http://"))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.connection.close()

    def create(self, name, count, settings=None):
        """A session of `count` F32 parameters that are all zero; `settings` as in the API's JSON.
        Nothing as long as the parameters is held in memory."""
        header = {"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}
        if settings is not None:
            header["__metadata__"] = {"session": json.dumps(settings)}
        text = json.dumps(header).encode()
        head = len(text).to_bytes(8, "little") + text
        self.ask("PUT", f"/v1/sessions/{name}", SAFETENSORS, len(head) + 4 * count,
                 chain(head, repeated(b"\0", 4 * count)), {"Prefer": "return=minimal"})

    def step(self, name, count, element=ONE_F32, **fields):
        """One step whose gradients are all one. `fields` are more of the head's, with "_" for
        "-"."""
        byte_count = count * len(element)
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        self.ask("POST", f"/v1/sessions/{name}/steps", RAW, byte_count,
                 repeated(element, byte_count), named)

    def ask(self, method, path, media_type, byte_count, blocks, fields):
        head = {"Content-Type": media_type, "Content-Length": str(byte_count)} | fields
        try:
            self.connection.request(method, path, blocks, head)
            answer = self.connection.getresponse()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Failure(f"{method} {path}: the connection was closed: {error}") from error
        first = answer.read(BLOCK_BYTES)
        while answer.read(BLOCK_BYTES):
            pass
        if answer.status not in (200, 201, 204):
            raise Failure(f"{method} {path}: {answer.status} {first[:1000].decode()}")


def repeated(element, byte_count):
    """Blocks of an element again and again, so many bytes in all."""
    block = element * (BLOCK_BYTES // len(element))
    for _ in range(byte_count // len(block)):
        yield block
    yield block[:byte_count % len(block)]


def chain(head, blocks):
    yield head
    yield from blocks
