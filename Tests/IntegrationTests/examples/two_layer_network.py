"""A two-layer network on handwritten digits, Muon for its matrices and AdamW for the rest.

Start optimizerd with deploy/run, then

    .build/python/bin/python Tests/IntegrationTests/examples/two_layer_network.py

(deploy/test makes that environment.) The data and the network stay here; one session in the service
keeps the states of both rules.
"""

import argparse
import gzip
import importlib.util
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from optimizer_client import OptimizerClient  # noqa: E402

HIDDEN = 32
STEPS = 80
SETTINGS = {
    "optimizer": {"type": "adamw", "lr": 0.02, "weight_decay": 0.01},
    "param_groups": [{"name": "matrices", "params": ["w1", "w2"], "type": "muon", "lr": 0.05,
                      "weight_decay": 0.01}],
}


def load_digits():
    """1 797 images of 8 by 8 points from 0 to 1, and the digit that each shows."""
    package = importlib.util.find_spec("sklearn").submodule_search_locations[0]
    with gzip.open(Path(package, "datasets/data/digits.csv.gz"), "rt", encoding="ascii") as file:
        table = np.loadtxt(file, delimiter=",")
    return table[:, :64] / 16, table[:, 64].astype(int)


def initial_parameters():
    random = np.random.default_rng(7)
    return {
        "w1": (random.normal(size=(HIDDEN, 64)) / 8).astype(np.float32),
        "b1": np.zeros(HIDDEN, np.float32),
        "w2": (random.normal(size=(10, HIDDEN)) / HIDDEN ** 0.5).astype(np.float32),
        "b2": np.zeros(10, np.float32),
    }


def loss_and_gradients(parameters, images, digits):
    """Mean cross-entropy and its gradients; computed in double, handed over in single."""
    w1, b1, w2, b2 = (parameters[name].astype(float) for name in ("w1", "b1", "w2", "b2"))
    hidden = np.maximum(images @ w1.T + b1, 0)
    logits = hidden @ w2.T + b2
    logits -= logits.max(axis=1, keepdims=True)
    shares = np.exp(logits)
    shares /= shares.sum(axis=1, keepdims=True)
    rows = np.arange(len(digits))
    loss = -np.mean(np.log(shares[rows, digits]))
    error = shares.copy()
    error[rows, digits] -= 1
    error /= len(digits)
    inner = (error @ w2) * (hidden > 0)
    gradients = {"w1": inner.T @ images, "b1": inner.sum(axis=0), "w2": error.T @ hidden,
                 "b2": error.sum(axis=0)}
    return float(loss), {key: value.astype(np.float32) for key, value in gradients.items()}


def train(client, session, steps=STEPS):
    """Trains in a new session; returns the losses before each step and the last parameters."""
    images, digits = load_digits()
    parameters = initial_parameters()
    client.create(session, parameters, **SETTINGS)
    losses = []
    for _ in range(steps):
        loss, gradients = loss_and_gradients(parameters, images, digits)
        losses.append(loss)
        parameters = client.step(session, gradients, format="raw", loss=loss)
    return losses, parameters


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--session", default="digits")
    arguments = parser.parse_args()
    client = OptimizerClient(arguments.url)
    losses, _ = train(client, arguments.session)
    client.delete(arguments.session)
    print(f"loss {losses[0]:.4f} at first, {losses[-1]:.4f} before step {len(losses)}")


if __name__ == "__main__":
    main()
