"""Connections that break after the request was sent: the client cannot know, and asks again."""

import random
import socket
import struct

from api import RAW
from retries import RetryingClient, gradient
from wire import Connection

STEPS, SHARE, COUNT = 10_000, 0.05, 16


def cut(client, step, way):
    """Sends a step and goes, in one of the ways that connections end."""
    with Connection(client.port) as connection:
        connection.send(client.request(step))
        if way == "reset":
            # RFC 9293 §3.10.7: with no time to linger, closing sends RST.
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         struct.pack("ii", 1, 0))
        elif way == "half":
            connection.socket.recv(40)


def answered(client, step):
    """Retries until the step is answered; while the first attempt runs the service says so."""
    while True:
        if not client.connection:
            client.connection = Connection(client.port)
        client.connection.send(client.request(step))
        response = client.connection.read_response()
        if response.status != 409:
            return response
        assert response.json()["code"] == "idempotency-in-progress"


def test_ten_thousand_steps_with_cut_connections(api, name):
    """The counter is exact, and the state that of a run whose connections held."""
    chance = random.Random(7)
    api.create(name, {"w": [0] * COUNT})
    client = RetryingClient(name, COUNT)
    client.connect(api.port)
    cuts = replays = 0
    for step in range(STEPS):
        if chance.random() < SHARE:
            cut(client, step, chance.choice(["close", "reset", "half"]))
            cuts += 1
        response = answered(client, step)
        assert response.status == 200 and response.header("Optimizer-Step") == str(step + 1)
        replays += response.header("Idempotency-Replayed") == "true"
    client.close()
    assert cuts > STEPS * SHARE / 2 and 0 < replays <= cuts
    assert api.get(f"/v1/sessions/{name}").json()["step"] == STEPS
    held = f"{name}-held"
    api.create(held, {"w": [0] * COUNT}, durability="none")
    with Connection(api.port) as connection:
        for step in range(STEPS):
            connection.ask("POST", f"/v1/sessions/{held}/steps", {"Content-Type": RAW},
                           gradient(step, COUNT))
    expected = api.state(held)
    assert api.delete(f"/v1/sessions/{held}").status == 204
    assert api.state(name) == expected
