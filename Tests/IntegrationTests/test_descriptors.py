"""A process that may have few descriptors: connections cannot take those that logs need."""

import socket

from server import Server
from wire import Connection


def test_idle_connections_do_not_stop_steps(tmp_path):
    targets = [f"/v1/sessions/s{number}" for number in range(40)]
    with (
        Server("--data-dir", tmp_path, descriptors=64) as server,
        Connection(server.port) as client,
    ):

        def ask(method, target, document):
            fields = {"Content-Type": "application/json"}
            return client.ask(method, target, fields, document)

        limits = client.ask("GET", "/v1").json()["limits"]
        assert limits["connections"] < 16 and limits["open_log_files"] < 16
        assert "descriptors" in server.said()
        address = ("127.0.0.1", server.port)
        # More than there is room for; those beyond it wait to be accepted.
        crowd = [socket.create_connection(address) for _ in range(100)]
        for target in targets:
            answer = ask("PUT", target, b'{"parameters": {"w": [1, 2]}}')
            assert answer.status == 201, answer
        for step in (1, 2):
            for target in targets:
                answer = ask("POST", f"{target}/steps", b'{"gradients": {"w": [1, 1]}}')
                assert answer.status == 200 and answer.json()["step"] == step, answer
        for target in targets[::2]:
            assert client.ask("DELETE", target).status == 204
        assert server.descriptor_count() <= 64
        for connection in crowd:
            connection.close()
    # Everything is there again for a process that may have as few.
    with Server("--data-dir", tmp_path, descriptors=64) as server:
        with Connection(server.port) as client:
            for number, target in enumerate(targets):
                answer = client.ask("GET", target)
                assert answer.status == (404 if number % 2 == 0 else 200), answer
