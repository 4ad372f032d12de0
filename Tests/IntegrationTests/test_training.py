"""A real run on real data: breast-cancer logistic regression, trained through the service."""

import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import logistic_regression as example
import reference
from optimizer_client import OptimizerClient
from server import TOP

GOLDEN = json.loads((Path(__file__).parent / "golden/golden.json").read_text(encoding="ascii"))
STEPS = len(GOLDEN["training"]["adam"]["losses"])
FORMATS = ["json", "safetensors", "raw"]


@pytest.fixture
def client(server):
    return OptimizerClient(f"http://127.0.0.1:{server.port}")


def reference_run(options):
    """The same training with the NumPy reference in place of the service."""
    options = dict(options)
    decoupled = options.pop("type") == "adamw"
    if decoupled:
        options.setdefault("weight_decay", 0.01)
    features, labels = example.load_data()
    parameters = example.initial_parameters(features)
    engines = {name: reference.Adam(array, decoupled=decoupled, **options)
               for name, array in parameters.items()}
    losses = []
    for _ in range(STEPS):
        loss, gradients = example.loss_and_gradients(parameters, features, labels)
        losses.append(loss)
        parameters = {name: engines[name].step(gradients[name]) for name in parameters}
    return losses, parameters


@cache
def service_run(port, kind, format):
    client = OptimizerClient(f"http://127.0.0.1:{port}")
    session = f"training-{kind}-{format}"
    run = example.train(client, session, GOLDEN["training"][kind]["optimizer"], STEPS, format)
    state = client.state(session)
    client.delete(session)
    return *run, state


def bits(parameters):
    return {name: np.asarray(array).tobytes() for name, array in parameters.items()}


@pytest.mark.parametrize("kind", sorted(GOLDEN["training"]))
def test_three_formats_end_with_the_same_bits(server, kind):
    runs = [service_run(server.port, kind, format) for format in FORMATS]
    for losses, parameters, state in runs[1:]:
        assert losses == runs[0][0]
        assert bits(parameters) == bits(runs[0][1])
        assert state == runs[0][2], "the whole state file"


@pytest.mark.parametrize("kind", sorted(GOLDEN["training"]))
def test_training_has_the_bits_of_the_reference(server, kind):
    losses, parameters, _ = service_run(server.port, kind, "raw")
    expected_losses, expected = reference_run(GOLDEN["training"][kind]["optimizer"])
    assert losses == expected_losses
    assert bits(parameters) == bits(expected)
    assert losses[-1] < losses[0] / 5, "and it learns"


def assert_close_to_torch(losses, parameters, theirs, lr):
    """DESIGN's bound against torch as installed, which rounds differently in the last place."""
    for name, array in parameters.items():
        expected = np.array(theirs["parameters"][name])
        bound = 1e-6 * np.maximum(1, np.abs(expected)) + 5e-5 * lr
        assert (np.abs(array.astype(np.float64) - expected) <= bound).all(), name
    # The parameters move the loss by no more than their own error times its gradient.
    assert np.allclose(losses, theirs["losses"], rtol=2e-5, atol=0)


@pytest.mark.parametrize("kind", sorted(GOLDEN["training"]))
def test_loss_curve_is_torchs(server, kind):
    theirs = GOLDEN["training"][kind]
    losses, parameters, _ = service_run(server.port, kind, "safetensors")
    assert_close_to_torch(losses, parameters, theirs, theirs["optimizer"]["lr"])


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("vector", sorted(GOLDEN["vectors"]))
def test_vectors_have_torchs_bits(client, name, vector, format):
    """Every step of the committed vectors, and the moments after the last."""
    from safetensors.numpy import load

    golden = GOLDEN["vectors"][vector]
    real = {"F32": np.float32, "F64": np.float64}[golden["dtype"]]
    client.create(name, {"p": np.array(golden["start"], real)}, optimizer=golden["optimizer"])
    for gradient, expected in zip(golden["gradients"], golden["after"], strict=True):
        after = client.step(name, {"p": np.array(gradient, real)}, format=format)["p"]
        assert after.tobytes() == np.array(expected, real).tobytes()
    state = load(client.state(name))
    for moment, expected in golden["state"].items():
        assert state[f"{moment}/p"].tobytes() == np.array(expected, real).tobytes(), moment


@pytest.mark.parametrize("vector", sorted(GOLDEN["vectors"]))
def test_reference_has_torchs_bits(vector):
    """What the service is held against is itself held against torch."""
    assert_reference_agrees(GOLDEN["vectors"][vector])


def assert_reference_agrees(golden):
    real = {"F32": np.float32, "F64": np.float64}[golden["dtype"]]
    options = dict(golden["optimizer"])
    decoupled = options.pop("type") == "adamw"
    if decoupled:
        options.setdefault("weight_decay", 0.01)
    engine = reference.Adam(np.array(golden["start"], real), decoupled=decoupled, **options)
    for gradient, expected in zip(golden["gradients"], golden["after"], strict=True):
        after = engine.step(np.array(gradient, real))
        assert after.tobytes() == np.array(expected, real).tobytes()


def test_live_torch_agrees(server, tmp_path):
    """The golden file made anew by the torch that is installed here, if any."""
    python = os.environ.get("TORCH_PYTHON") or sys.executable
    if subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode:
        pytest.skip("no torch here; TORCH_PYTHON may name an interpreter that has it")
    out = tmp_path / "golden.json"
    # That interpreter may lack the data set, so it is shown this one's package, and no other.
    (tmp_path / "packages").mkdir()
    package = importlib.util.find_spec("sklearn").submodule_search_locations[0]
    (tmp_path / "packages/sklearn").symlink_to(package)
    environment = os.environ | {"ATEN_CPU_CAPABILITY": "default",
                                "PYTHONPATH": str(tmp_path / "packages")}
    subprocess.run([python, TOP / "Tests/IntegrationTests/golden/make_golden.py", "--out", out],
                   env=environment, check=True, timeout=300)
    live = json.loads(out.read_text(encoding="ascii"))
    # Its inputs may differ in the last digit: NumPy's functions do, from one processor to another.
    assert live["vectors"].keys() == GOLDEN["vectors"].keys()
    for vector in live["vectors"].values():
        assert_reference_agrees(vector)
    for kind, theirs in live["training"].items():
        losses, parameters, _ = service_run(server.port, kind, "raw")
        assert_close_to_torch(losses, parameters, theirs, theirs["optimizer"]["lr"])


def test_documented_example_runs(server):
    script = TOP / "Tests/IntegrationTests/examples/logistic_regression.py"
    address = f"http://127.0.0.1:{server.port}"
    said = [subprocess.run([sys.executable, script, "--address", address, "--format", format],
                           capture_output=True, text=True, check=True, timeout=120).stdout
            for format in FORMATS]
    assert said[0] == said[1] == said[2]
    assert float(said[0].split()[-1]) > 0.97
