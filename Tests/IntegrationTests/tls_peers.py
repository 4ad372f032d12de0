"""What tests of TLS have in common: files of a server, and clients that believe in them."""

import socket
import ssl

import pytest

from certificates import Authority
from wire import request_bytes


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """An authority, and a server certificate with its key, under names that may be replaced."""
    directory = tmp_path_factory.mktemp("tls")
    authority = Authority(directory)
    certificate, key = authority.sign("server")
    return authority, certificate, key


def options(files):
    _, certificate, key = files
    return ["--tls-certificate", certificate, "--tls-key", key]


def context(files, **members):
    made = ssl.create_default_context(cafile=files[0].certificate)
    for name, value in members.items():
        setattr(made, name, value)
    return made


def connect(port, files, made=None):
    raw = socket.create_connection(("127.0.0.1", port), timeout=60)
    made = made or context(files)
    return made.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)


def ask(stream, *request):
    """One request and its whole answer, as status and body."""
    stream.sendall(request_bytes(*request))
    answer = stream.makefile("rb")
    status = int(answer.readline().split()[1])
    length = 0
    while (line := answer.readline().strip()):
        name, value = line.split(b": ", 1)
        if name == b"Content-Length":
            length = int(value)
    return status, answer.read(length)
