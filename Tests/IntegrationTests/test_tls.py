"""TLS on the real process, with Python's ssl, curl and broken peers on the other end."""

import errno
import os
import re
import re
import socket
import ssl
import struct
import subprocess

import pytest

from api import RAW
from key_updates import Client
from server import Server, wait_until
from tls_peers import ask, connect, context, files, options  # noqa: F401, a fixture
from wire import request_bytes

COUNT = 300_000
ALERT, FATAL = 0x15, 2


@pytest.fixture(scope="module")
def secure(files):
    with Server(*options(files), scheme="https") as running:
        yield running


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_that_are_spoken(secure, files, version):
    made = context(files, minimum_version=version, maximum_version=version)
    with connect(secure.port, files, made) as stream:
        assert stream.version() == version.name.replace("_", ".")
        assert "GCM" in stream.cipher()[0] or "CHACHA20" in stream.cipher()[0]
        for _ in range(3):
            assert ask(stream, "GET", "/livez") == (200, b'{"status":"ok"}')


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_older_versions_and_ciphers_are_refused(secure, files):
    old = context(files, minimum_version=ssl.TLSVersion.TLSv1)
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    weak = context(files, maximum_version=ssl.TLSVersion.TLSv1_2)
    weak.set_ciphers("AES128-SHA:AES256-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    for made in (old, weak):
        with pytest.raises(ssl.SSLError):
            connect(secure.port, files, made)


def test_sessions_are_resumed(secure, files):
    """With the ticket of TLS 1.2, which is there when the handshake is."""
    made = context(files, maximum_version=ssl.TLSVersion.TLSv1_2)
    with connect(secure.port, files, made) as stream:
        assert not stream.session_reused
        session = stream.session
    raw = socket.create_connection(("127.0.0.1", secure.port), timeout=60)
    with made.wrap_socket(raw, server_hostname="localhost", session=session) as stream:
        assert stream.session_reused
        assert ask(stream, "GET", "/livez")[0] == 200


@pytest.mark.parametrize("offered, chosen", [
    (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), ([], None),
])
def test_protocol_negotiation(secure, files, offered, chosen):
    made = context(files)
    if offered:
        made.set_alpn_protocols(offered)
    with connect(secure.port, files, made) as stream:
        assert stream.selected_alpn_protocol() == chosen
        assert ask(stream, "GET", "/livez")[0] == 200


def test_a_client_without_our_protocol_is_refused(secure, files):
    made = context(files)
    made.set_alpn_protocols(["h2", "http/1.0"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        connect(secure.port, files, made)


def test_curl(secure, files):
    url = f"https://127.0.0.1:{secure.port}/v1/sessions/curl"
    curl = ["curl", "-sS", "--max-time", "60", "--cacert", str(files[0].certificate)]
    subprocess.run([*curl, "-X", "PUT", url, "-H", "Content-Type: application/json", "-d",
                    '{"parameters": {"w": [1, 2]}}'], check=True, capture_output=True)
    step = subprocess.run([*curl, f"{url}/steps", "-H", "Content-Type: application/json", "-d",
                           '{"gradients": {"w": [1, 1]}}'], check=True, capture_output=True)
    assert b'"step":1' in step.stdout
    refused = subprocess.run(["curl", "-sS", f"{url}/parameters"], check=False, capture_output=True)
    assert refused.returncode == 60  # The certificate is nobody's that curl knows.


def vector(seed):
    return struct.pack(f"<{COUNT}f", *((seed * 7 + i) % 13 - 6.0 for i in range(COUNT)))


def test_large_bodies_are_the_same_as_without(secure, files, api):
    """Both ways at once larger than what sockets and records hold; the bits must be the same."""
    header = b'{"w":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}}' % (COUNT, 4 * COUNT)
    header += b" " * (-len(header) % 8)
    document = struct.pack("<Q", len(header)) + header + vector(0)
    made = api.put("/v1/sessions/tls-twin", body=document, type="application/safetensors")
    assert made.status == 201
    with connect(secure.port, files) as stream:
        created = ask(stream, "PUT", "/v1/sessions/tls-twin",
                      {"Content-Type": "application/safetensors"}, document)
        assert created[0] == 201
        for seed in (1, 2, 3):
            plain = api.post("/v1/sessions/tls-twin/steps", body=vector(seed), type=RAW)
            status, body = ask(stream, "POST", "/v1/sessions/tls-twin/steps",
                               {"Content-Type": RAW}, vector(seed))
            assert status == plain.status == 200 and body == plain.body
    api.delete("/v1/sessions/tls-twin")


def test_a_slow_reader_gets_everything(secure, files):
    """The answer waits in the server's hands while nothing is read, and is whole after all."""
    with connect(secure.port, files) as stream:
        stream.sendall(request_bytes("GET", "/openapi.yaml") * 40)
        stream.sendall(request_bytes("GET", "/livez", {"Connection": "close"}))
        received = b""
        while (piece := stream.recv(1000 if len(received) < 10_000 else 1 << 20)):
            received += piece
    assert received.count(b"HTTP/1.1 200 OK") == 41
    assert received.endswith(b'{"status":"ok"}')


def test_the_end_is_announced(secure, files):
    """close_notify comes before FIN, so that nobody can cut an answer short unseen."""
    with connect(secure.port, files) as stream:
        stream.sendall(request_bytes("GET", "/livez", {"Connection": "close"}))
        while stream.recv(4096):
            pass  # A FIN alone would be an SSLEOFError here.


class Pieces:
    """A client whose records go out in pieces of a size."""

    def __init__(self, port, files, size):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.size = size
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context(files).wrap_bio(self.incoming, self.outgoing,
                                           server_hostname="localhost")

    def run(self, action):
        while True:
            try:
                answer = action()
                self.flush()
                return answer
            except ssl.SSLWantReadError:
                self.flush()
                piece = self.socket.recv(self.size)
                if piece:
                    self.incoming.write(piece)
                else:
                    self.incoming.write_eof()

    def flush(self):
        data = self.outgoing.read()
        for start in range(0, len(data), self.size):
            self.socket.sendall(data[start : start + self.size])


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_records_in_pieces(secure, files, size):
    client = Pieces(secure.port, files, size)
    client.run(client.tls.do_handshake)
    for _ in range(2):
        client.run(lambda: client.tls.write(request_bytes("GET", "/livez")))
        answer = b""
        while not answer.endswith(b"}"):
            answer += client.run(lambda: client.tls.read(4096))
        assert answer.startswith(b"HTTP/1.1 200 OK")
    client.socket.close()


@pytest.mark.parametrize("rubbish", [
    request_bytes("GET", "/livez"), b"\x16\x03\x01\xff\xff" + bytes(64), os.urandom(4096),
    b"\x80\x2e\x01\x00\x02", bytes(20_000), b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
])
def test_what_is_no_handshake_harms_nobody(secure, files, rubbish):
    with socket.create_connection(("127.0.0.1", secure.port), timeout=60) as raw:
        answer = b""
        try:
            raw.sendall(rubbish)
            raw.shutdown(socket.SHUT_WR)
            while (piece := raw.recv(4096)):
                answer += piece
        except OSError as error:  # It may have been cut off before any of these.
            assert error.errno in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)
    # Nothing, or one fatal alert (RFC 8446 §6): never an answer in the clear.
    assert not answer or (answer[0] == ALERT and answer[5] == FATAL and len(answer) == 7)
    with connect(secure.port, files) as stream:
        assert ask(stream, "GET", "/livez")[0] == 200


def test_resets_leave_no_descriptor(secure, files):
    with connect(secure.port, files) as stream:
        before = secure.descriptor_count()
        for stage in range(60):
            raw = socket.create_connection(("127.0.0.1", secure.port), timeout=60)
            if stage % 3:
                raw.sendall(b"\x16\x03\x01\x02\x00\x01" if stage % 3 == 1 else b"\x16")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()
        wait_until(lambda: secure.descriptor_count() <= before)
        assert ask(stream, "GET", "/livez")[0] == 200


def handshakes(port, files):
    with connect(port, files) as stream:
        text = ask(stream, "GET", "/metrics")[1].decode()
    return {outcome: int(count) for outcome, count in re.findall(
        r'^optimizerd_tls_handshakes_total\{outcome="(\w+)"\} (\d+)$', text, re.MULTILINE)}


def test_handshakes_are_counted(secure, files):
    before = handshakes(secure.port, files)
    with pytest.raises(ssl.SSLError):
        connect(secure.port, files, ssl.create_default_context())
    made = context(files)
    made.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError):
        connect(secure.port, files, made)
    wait_until(lambda: handshakes(secure.port, files)["failed"] >= before["failed"] + 1)
    after = handshakes(secure.port, files)
    assert after["completed"] >= before["completed"] + 2


def test_a_unix_domain_socket_has_no_tls(files, tmp_path):
    path = tmp_path / "o.sock"
    with Server(*options(files), "--listen", f"unix:{path}", scheme="https") as running:
        with socket.socket(socket.AF_UNIX) as local:
            local.connect(str(path))
            assert ask(local, "GET", "/livez")[0] == 200
        with connect(running.port, files) as stream:
            assert ask(stream, "GET", "/livez")[0] == 200


def test_keys_may_be_updated_between_requests(secure):
    with Client(secure.port) as client:
        for _ in range(20):
            for _ in range(5):
                assert client.update_keys()
            assert client.send(request_bytes("GET", "/livez"))
            assert client.receive().startswith(b"HTTP/1.1 200 OK")


def test_a_flood_of_key_updates_is_cut_off(secure, files):
    """OpenSSL would read them all in one call, and the loop would serve nobody meanwhile."""
    with Client(secure.port) as client:
        for _ in range(100_000):
            if not client.update_keys():
                break
        client.send(request_bytes("GET", "/livez"))
        assert client.receive() == b""
    with connect(secure.port, files) as stream:
        assert ask(stream, "GET", "/livez")[0] == 200


def test_an_end_without_notice_is_an_end(secure, files):
    """FIN alone after whole requests: they are answered, and the server still says goodbye."""
    with connect(secure.port, files) as stream:
        stream.sendall(request_bytes("GET", "/livez") * 30)
        socket.socket.shutdown(stream, socket.SHUT_WR)
        received = b""
        while (piece := stream.recv(65536)):
            received += piece
    assert received.count(b"HTTP/1.1 200 OK") == 30


def test_a_reset_is_told_as_one(files):
    with Server(*options(files), "--log-level", "debug", scheme="https") as running:
        with connect(running.port, files) as stream:
            stream.sendall(request_bytes("PUT", "/v1/sessions/x", {
                "Content-Type": "application/json", "Content-Length": "100",
                "Expect": "100-continue"}))
            assert stream.recv(100).startswith(b"HTTP/1.1 100")
            stream.sendall(b"{")
            raw = socket.socket(fileno=os.dup(stream.fileno()))
            stream.close()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()
        wait_until(lambda: "ECONNRESET" in running.said() or "endedEarly" in running.said())


def test_a_handshake_has_the_heads_deadline(files):
    with Server(*options(files), "--head-deadline-seconds", "1", scheme="https") as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=60) as raw:
            raw.sendall(b"\x16\x03\x01")
            assert raw.recv(100) == b""
