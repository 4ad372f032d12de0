"""HTTP/1.1 over a plain socket, byte for byte: what a test sends is what goes out."""

import json
import socket


class Closed(Exception):
    """The peer closed before the answer was whole."""


class Response:
    """One answer as it came: status, fields in their order, body."""

    def __init__(self, status, reason, fields, body):
        self.status = status
        self.reason = reason
        self.fields = fields
        self.body = body

    def header(self, name):
        """The field's only value, or None; a repeated field is an error here."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} is repeated: {values}"
        return values[0] if values else None

    @property
    def media_type(self):
        return (self.header("Content-Type") or "").split(";")[0].strip()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.media_type} {self.body[:400]!r}>"


def request_bytes(method, target, headers=(), body=b"", host="test"):
    """A request with Host, and with Content-Length when it has a body or wants one."""
    fields = [("Host", host), *list(dict(headers).items())]
    names = {name.lower() for name, _ in fields}
    framed = names & {"content-length", "transfer-encoding"}
    if not framed and (body or method in ("PUT", "POST", "PATCH")):
        fields.append(("Content-Length", str(len(body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields if value is not None)
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("utf-8") + bytes(body)


def chunked(body, sizes):
    """The body in chunks of these sizes, the rest in one, ended without trailers."""
    parts, start = [], 0
    for size in [*sizes, len(body)]:
        part = body[start : start + size]
        start += len(part)
        if part:
            parts.append(b"%x\r\n%s\r\n" % (len(part), part))
    return b"".join(parts) + b"0\r\n\r\n"


class Connection:
    """One connection; closes with the `with` block."""

    def __init__(self, port, timeout=20.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_split(self, data, offsets):
        """Sends in pieces that end at the offsets, each in a segment of its own."""
        start = 0
        for end in [*sorted(offsets), len(data)]:
            if end > start:
                self.socket.sendall(data[start:end])
            start = max(start, end)

    def finish(self):
        """No more bytes from this side."""
        self.socket.shutdown(socket.SHUT_WR)

    def ask(self, method, target, headers=(), body=b""):
        self.send(request_bytes(method, target, headers, body))
        return self.read_response(head_only=method == "HEAD")

    def _fill(self):
        try:
            piece = self.socket.recv(262144)
        except ConnectionResetError as error:
            raise Closed("reset") from error
        if not piece:
            raise Closed(f"end of stream after {self.received[:200]!r}")
        self.received += piece

    def _take(self, count):
        pieces = [self.received]
        size = len(self.received)
        while size < count:
            self.received = b""
            self._fill()
            pieces.append(self.received)
            size += len(self.received)
        whole = b"".join(pieces)
        self.received = whole[count:]
        return whole[:count]

    def _take_through(self, mark):
        while mark not in self.received:
            self._fill()
        end = self.received.index(mark) + len(mark)
        return self._take(end)

    def read_response(self, head_only=False, interim=False):
        """The next answer. `interim` returns a 1xx instead of passing over it."""
        head = self._take_through(b"\r\n\r\n")[:-4].decode("latin-1")
        status_line, *lines = head.split("\r\n")
        version, status, reason = (status_line + " ").split(" ", 2)
        assert version == "HTTP/1.1", status_line
        fields = []
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon and name == name.strip(), line
            fields.append((name, value.strip()))
        response = Response(int(status), reason.strip(), fields, b"")
        if 100 <= response.status < 200:
            return response if interim else self.read_response(head_only)
        if head_only or response.status in (204, 304):
            return response
        if response.header("Transfer-Encoding"):
            response.body = self._take_chunks()
        else:
            response.body = self._take(int(response.header("Content-Length")))
        return response

    def _take_chunks(self):
        body = b""
        while True:
            size = int(self._take_through(b"\r\n").split(b";")[0], 16)
            if size == 0:
                while self._take_through(b"\r\n") != b"\r\n":
                    pass
                return body
            body += self._take(size)
            assert self._take(2) == b"\r\n"

    def is_closed(self):
        """Whether the peer ends the stream, with nothing more to read, before the timeout."""
        try:
            return self.received == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
