"""A client that retries as it should: the same request with the same key until it is answered."""

import numpy as np

from api import RAW
from wire import Closed, Connection, request_bytes


def gradient(step, count):
    """The gradient of a logical step, the same in every run."""
    return np.random.default_rng(step).normal(size=count).astype("<f4").tobytes()


class RetryingClient:
    """Steps one session over a kept connection; what breaks is counted and tried again."""

    def __init__(self, name, count):
        self.target = f"/v1/sessions/{name}/steps"
        self.count = count
        self.port = None
        self.connection = None
        self.replays = 0

    def request(self, step):
        headers = {"Content-Type": RAW, "Idempotency-Key": f'"step-{step}"'}
        return request_bytes("POST", self.target, headers, gradient(step, self.count))

    def connect(self, port):
        self.close()
        self.port = port

    def close(self):
        if self.connection:
            self.connection.__exit__(None, None, None)
        self.connection = None

    def attempt(self, step):
        """Whether logical step `step`, counted from 0, was answered; the answer must be its own."""
        try:
            if not self.connection:
                self.connection = Connection(self.port)
            self.connection.send(self.request(step))
            response = self.connection.read_response()
        except (Closed, OSError):
            self.close()
            return False
        assert response.status in (200, 204), response
        assert response.header("Optimizer-Step") == str(step + 1), "a step was lost or doubled"
        self.replays += response.header("Idempotency-Replayed") == "true"
        return True
