"""Logistic regression on the Wisconsin breast-cancer data, with the optimizer in a service.

Start optimizerd with deploy/run, then

    .build/python/bin/python Tests/IntegrationTests/examples/logistic_regression.py

(deploy/test makes that environment.) The data and the model stay here. The service keeps Adam's
moments: each step sends it a gradient and receives the updated parameters.
"""

import argparse
import csv
import importlib.util
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from optimizer_client import OptimizerClient  # noqa: E402


def load_data():
    """569 tumours: 30 standardised features each, and 1 where the tumour is benign."""
    package = importlib.util.find_spec("sklearn").submodule_search_locations[0]
    with open(Path(package, "datasets/data/breast_cancer.csv"), encoding="ascii") as file:
        rows = list(csv.reader(file))[1:]
    table = np.array(rows, dtype=np.float64)
    features, labels = table[:, :-1], table[:, -1]
    return (features - features.mean(axis=0)) / features.std(axis=0), labels


def loss_and_gradients(parameters, features, labels):
    """Mean cross-entropy and its gradients; computed in double, handed over in single."""
    weights = parameters["weight"].astype(np.float64)
    # A sum of products instead of a matrix product: the same bits on every BLAS.
    logits = (features * weights).sum(axis=1) + np.float64(parameters["bias"])
    loss = np.mean(np.logaddexp(0, logits) - labels * logits)
    error = (1 / (1 + np.exp(-logits)) - labels) / len(labels)
    gradients = {
        "weight": (features * error[:, None]).sum(axis=0).astype(np.float32),
        "bias": np.float32(error.sum()).reshape(()),
    }
    return float(loss), gradients


def initial_parameters(features):
    return {"weight": np.zeros(features.shape[1], np.float32), "bias": np.zeros((), np.float32)}


def train(client, session, optimizer, steps, format):
    """Trains in a new session; returns the losses before each step and the last parameters."""
    features, labels = load_data()
    parameters = initial_parameters(features)
    client.create(session, parameters, optimizer=optimizer)
    losses = []
    for _ in range(steps):
        loss, gradients = loss_and_gradients(parameters, features, labels)
        losses.append(loss)
        parameters = client.step(session, gradients, format=format, loss=loss)
    return losses, parameters


def accuracy(parameters):
    features, labels = load_data()
    logits = (features * parameters["weight"]).sum(axis=1) + parameters["bias"]
    return float(np.mean((logits > 0) == (labels == 1)))


def main():
    options = argparse.ArgumentParser(description="Logistic regression with a remote Adam.")
    options.add_argument("--address", default="http://127.0.0.1:8080")
    options.add_argument("--session", default="breast-cancer")
    options.add_argument("--format", choices=["json", "safetensors", "raw"], default="safetensors")
    options.add_argument("--steps", type=int, default=200)
    options.add_argument("--lr", type=float, default=0.01)
    chosen = options.parse_args()

    client = OptimizerClient(chosen.address)
    losses, parameters = train(
        client, chosen.session, {"type": "adamw", "lr": chosen.lr}, chosen.steps, chosen.format)
    for step in range(0, len(losses), max(1, len(losses) // 10)):
        print(f"step {step:4}  loss {losses[step]:.6f}")
    print(f"accuracy {accuracy(parameters):.3f}")
    client.delete(chosen.session)


if __name__ == "__main__":
    main()
