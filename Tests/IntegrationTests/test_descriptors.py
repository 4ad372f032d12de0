"""A process that may have few descriptors: connections cannot take those that logs need."""

import socket
from contextlib import ExitStack

from server import Server
from wire import Connection, request_bytes


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


def test_logs_that_share_syncs_keep_to_their_share(tmp_path):
    """Their names are synced later than they are; nothing may stay open for that for ever."""
    targets = [f"/v1/sessions/s{number}" for number in range(200)]
    step = b'{"gradients": {"w": [1, 1]}}'
    fields = {"Content-Type": "application/json"}
    with (
        Server("--data-dir", tmp_path, descriptors=128) as server,
        ExitStack() as stack,
    ):
        clients = [stack.enter_context(Connection(server.port)) for _ in range(20)]
        for target in targets:
            answer = clients[0].ask("PUT", target, fields, b'{"parameters": {"w": [1, 2]}}')
            assert answer.status == 201, answer
        for start in range(0, len(targets), len(clients)):
            asked = targets[start:start + len(clients)]
            for client, target in zip(clients, asked):
                client.send(request_bytes("POST", f"{target}/steps", fields, step))
            for client in clients:
                answer = client.read_response()
                assert answer.status == 200, answer
        limits = clients[0].ask("GET", "/v1").json()["limits"]
        # A log that was begun lately has its directory open beside its file.
        assert server.descriptor_count() < 48 + 2 * limits["open_log_files"]
