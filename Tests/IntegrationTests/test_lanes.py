"""The same bits for any number of threads and any payload format, and no step lost (DESIGN §1)."""

import json
import threading

import numpy as np
import pytest
from safetensors.numpy import load, save

from api import API, JSON, RAW, SAFETENSORS
from reference import Adam, clip_coefficient, grad_norm
from server import Server
from wire import Connection

# Above 32 768 elements, where steps go to the lanes, and no multiple of any tile or vector.
SHAPES = {"a": (3, 11_117), "b": (40_009,), "c": (1,)}
STEPS = 3
MAX_GRAD_NORM = 1.5
THREADS = [(1, 1), (1, 2), (2, 1), (2, 2)]


def run_of(seed):
    """Parameters and gradients that are the same in every call."""
    random = np.random.default_rng(seed)
    vectors = [{name: random.standard_normal(shape).astype("<f4")
                for name, shape in SHAPES.items()} for _ in range(STEPS + 1)]
    return vectors[0], vectors[1:]


def as_json(gradients):
    """Each number's shortest decimal as a double names the same F32 again."""
    return json.dumps({"gradients": {name: g.tolist() for name, g in gradients.items()}}).encode()


ENCODERS = {
    JSON: as_json,
    RAW: lambda gradients: b"".join(gradients[name].tobytes() for name in sorted(gradients)),
    SAFETENSORS: save,
}


def trained(api, name, type):
    """The state's bytes after the run; the session must be new."""
    parameters, gradients = run_of(7)
    settings = {"optimizer": {"type": "adamw", "amsgrad": True}, "max_grad_norm": MAX_GRAD_NORM}
    created = api.put(f"/v1/sessions/{name}", type=SAFETENSORS,
                      body=save(parameters, {"session": json.dumps(settings)}))
    assert created.status == 201, created
    for step in gradients:
        answer = api.post(f"/v1/sessions/{name}/steps", body=ENCODERS[type](step), type=type,
                          headers={"Prefer": "return=minimal"})
        assert answer.status == 204, answer
        assert float(answer.header("Optimizer-Clip-Coef")) < 1
    return api.state(name)


@pytest.fixture(scope="module")
def states():
    """The state's bytes by (loops, lanes) and format."""
    found = {}
    for loops, lanes in THREADS:
        with Server("--loops", str(loops), "--lanes", str(lanes)) as running:
            api = API(running.port)
            for index, type in enumerate(ENCODERS):
                found[loops, lanes, type] = trained(api, f"s{index}", type)
    return found


@pytest.mark.parametrize("type", ENCODERS)
@pytest.mark.parametrize("loops, lanes", THREADS)
def test_threads_and_formats_do_not_change_a_bit(states, loops, lanes, type):
    assert states[loops, lanes, type] == states[1, 1, RAW]


def test_the_run_is_the_references(states):
    """Equal to each other is not enough: equal to the formulas."""
    parameters, gradients = run_of(7)
    models = {name: Adam(p, amsgrad=True, weight_decay=0.01, decoupled=True)
              for name, p in parameters.items()}
    for step in gradients:
        coef = clip_coefficient(grad_norm(step.values()), MAX_GRAD_NORM)
        for name, model in models.items():
            model.step(step[name], clip_coef=coef)
    found = load(states[1, 1, RAW])
    for name, model in models.items():
        for kind in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"):
            np.testing.assert_allclose(found[f"{kind}/{name}"], getattr(model, kind), rtol=1e-6)
        np.testing.assert_allclose(found[f"parameters/{name}"], model.parameters, atol=1e-6)
        assert found[f"step/{name}"] == STEPS


@pytest.mark.parametrize("size", [64, 33_000], ids=["on the loop", "on the lanes"])
def test_no_step_of_many_connections_is_lost(size):
    """Eight connections step one session at a time; equal gradients make the order immaterial."""
    connections, each = 8, 200 if size < 1000 else 20
    total = connections * each
    gradient = np.linspace(-1, 1, size, dtype="<f4")
    start = np.linspace(0.5, 2, size, dtype="<f4")
    with Server("--loops", "2", "--lanes", "2") as running:
        api = API(running.port)
        created = api.put("/v1/sessions/s", body=save({"p": start}), type=SAFETENSORS)
        assert created.status == 201, created
        numbers, threads = [], []
        for _ in range(connections):
            thread = threading.Thread(
                target=step_often, args=(running.port, gradient.tobytes(), each, numbers))
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()
        assert sorted(numbers) == list(range(1, total + 1))
        assert api.get("/v1/sessions/s").json()["step"] == total
        response = api.get("/v1/sessions/s/parameters", headers={"Accept": RAW})
        assert response.header("ETag").startswith(f'"1-{total}')
    reference = Adam(start)
    for _ in range(total):
        reference.step(gradient)
    assert response.body == reference.parameters.tobytes()


def step_often(port, body, count, numbers):
    """Appends each answer's step number to `numbers`."""
    with Connection(port) as connection:
        for _ in range(count):
            response = connection.ask("POST", "/v1/sessions/s/steps", {
                "Content-Type": RAW, "Prefer": "return=minimal"}, body)
            assert response.status == 204, response
            numbers.append(int(response.header("Optimizer-Step")))
