"""What was acknowledged is there after `kill -9`, bit for bit."""

import numpy as np
import pytest
from safetensors.numpy import load

from api import JSON, SAFETENSORS, assert_problem

OPTIMIZERS = {
    "adam": {"type": "adam", "lr": 0.05, "weight_decay": 0.01},
    "adamw": {"type": "adamw", "lr": 0.05},
    "amsgrad": {"type": "adam", "lr": 0.05, "amsgrad": True, "betas": [0.8, 0.95]},
}
SHAPES = {"w": (3, 5), "b": (7,), "s": ()}
CLOCKS = ("session", "created", "updated")


def gradients(step):
    """The same for every run; their sizes go up and down, so that the moments matter."""
    generator = np.random.default_rng(step)
    return {name: (generator.normal(size=shape) * 2.0 ** (step % 5)).tolist()
            for name, shape in SHAPES.items()}


def create(api, name, optimizer="adam", dtype="F32"):
    initial = {name: {"dtype": dtype, "shape": list(shape),
                      "data": np.linspace(-1, 1, int(np.prod(shape))).tolist()}
               for name, shape in SHAPES.items()}
    return api.create(name, initial, optimizer=OPTIMIZERS[optimizer], max_grad_norm=10,
                      param_groups=[{"name": "slow", "params": ["b"], "lr": 0.001}])


def train(api, name, first, last):
    for step in range(first, last):
        options = {"lr": 0.02} if step % 3 == 1 else {"grad_scale": 3} if step % 3 == 2 else {}
        api.step(name, gradients(step), **options)


def description(api, name):
    answer = api.get(f"/v1/sessions/{name}").json()
    return {key: value for key, value in answer.items() if key not in CLOCKS}


@pytest.mark.parametrize("dtype", ["F32", "F64", "F16", "BF16"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_three_ways_to_the_same_bits(lives, api, name, optimizer, dtype):
    """Uninterrupted, killed and recovered, restored from a state file; a cold start differs."""
    create(api, name, optimizer, dtype)
    train(api, name, 0, 12)
    uninterrupted = api.state(name)

    create(lives.api, "run", optimizer, dtype)
    train(lives.api, "run", 0, 5)
    lives.kill_and_start()
    train(lives.api, "run", 5, 6)
    saved, parameters = lives.api.state("run"), lives.api.parameters("run")
    recovered = lives.kill_and_start()
    assert recovered.state("run") == saved
    train(recovered, "run", 6, 12)
    assert recovered.state("run") == uninterrupted
    assert description(recovered, "run") == description(api, name)

    restored = recovered.put("/v1/sessions/restored/state", body=saved, type=SAFETENSORS)
    assert restored.status == 201
    train(recovered, "restored", 6, 12)
    assert recovered.state("restored") == uninterrupted

    cold = {key: {"dtype": dtype, "shape": list(SHAPES[key]),
                  "data": np.ravel(value).tolist()} for key, value in parameters.items()}
    recovered.create("cold", cold, optimizer=OPTIMIZERS[optimizer], max_grad_norm=10,
                     param_groups=[{"name": "slow", "params": ["b"], "lr": 0.001}])
    train(recovered, "cold", 6, 12)
    warm = load(uninterrupted)["parameters/w"]
    assert not np.array_equal(load(recovered.state("cold"))["parameters/w"], warm)


def patch(api, name):
    assert api.patch(f"/v1/sessions/{name}", json={
        "optimizer": {"lr": 0.003, "amsgrad": True}, "nonfinite": "skip",
        "param_groups": [{"name": "slow", "betas": [0.5, 0.6]}]}).status == 200


def put_parameters(api, name):
    """Only one tensor: the others keep what they are."""
    changed = {"parameters": {"b": [0.25] * 7}}
    assert api.put(f"/v1/sessions/{name}/parameters", json=changed).status == 200


def put_state(api, name):
    """The state of two steps earlier, so that the step goes back."""
    saved = api.state(name)
    train(api, name, 20, 22)
    response = api.put(f"/v1/sessions/{name}/state", body=saved, type=SAFETENSORS)
    assert response.status == 200


def partial_step(api, name):
    api.step(name, {"b": gradients(9)["b"]}, partial="skip")


def skipped_step(api, name):
    document = '{"gradients": {"w": 1e999, "b": 0, "s": 0}, "nonfinite": "skip"}'
    for tensor, shape in (("w", [[0] * 5] * 3), ("b", [0] * 7)):
        document = document.replace(f'"{tensor}": 0', f'"{tensor}": {shape}')
    document = document.replace("1e999", str([[0] * 5, [0] * 5, [0] * 4 + ["1e999"]]))
    response = api.post(f"/v1/sessions/{name}/steps", type=JSON,
                        body=document.replace("'", ""))
    assert response.json()["applied"] is False


def propagated_step(api, name):
    nan = np.zeros(23, "<f4")
    nan[3] = np.nan
    response = api.post(f"/v1/sessions/{name}/steps?nonfinite=propagate&lr=0.5&max_grad_norm=null",
                        body=nan.tobytes(), type="application/octet-stream")
    assert response.status == 200


CHANGES = [patch, put_parameters, put_state, partial_step, skipped_step, propagated_step]


def test_every_change_survives_a_kill(lives, api, name):
    """Also with steps between them, and each kill reads everything before it again."""
    create(lives.api, "run", "adamw")
    create(api, name, "adamw")
    for index, change in enumerate([*CHANGES[:-1], *CHANGES]):
        for service, session in ((lives.api, "run"), (api, name)):
            train(service, session, 4 * index, 4 * index + 2)
            change(service, session)
        expected = api.state(name)
        assert lives.api.state("run") == expected, change
        tag = lives.api.tag("run")
        lives.kill_and_start()
        assert lives.api.state("run") == expected, change
        assert lives.api.tag("run") == tag == api.tag(name)
        assert description(lives.api, "run") == description(api, name)


def test_creation_survives_a_kill_and_can_be_repeated(lives):
    created = create(lives.api, "run")
    lives.kill_and_start()
    assert lives.api.get("/v1/sessions/run").json() == created
    train(lives.api, "run", 0, 3)
    lives.kill_and_start()
    again = lives.api.put("/v1/sessions/run", json={"parameters": {"w": [1, 2]}})
    assert_problem(again, 409, "session-exists")
    document = {"parameters": {name: {"dtype": "F32", "shape": list(shape), "data": np.linspace(
        -1, 1, int(np.prod(shape))).tolist()} for name, shape in SHAPES.items()},
        "optimizer": OPTIMIZERS["adam"], "max_grad_norm": 10,
        "param_groups": [{"name": "slow", "params": ["b"], "lr": 0.001}]}
    again = lives.api.put("/v1/sessions/run", json=document)
    assert (again.status, again.json()["step"]) == (200, 3)


def test_fork_survives_a_kill_and_goes_its_own_way(lives):
    create(lives.api, "run")
    train(lives.api, "run", 0, 3)
    target = "/v1/sessions/fork?from=run&step=2"
    assert lives.api.put(target).status == 201
    train(lives.api, "run", 3, 4)
    train(lives.api, "fork", 5, 7)
    states = [lives.api.state(name) for name in ("run", "fork")]
    lives.kill_and_start()
    assert [lives.api.state(name) for name in ("run", "fork")] == states
    assert lives.api.put(target).status == 200, "the same fork again"
    assert lives.api.delete("/v1/sessions/run").status == 204
    lives.kill_and_start()
    assert lives.api.state("fork") == states[1]


def test_deletion_survives_and_the_name_comes_back_above(lives):
    create(lives.api, "run")
    for change in (patch, put_parameters, patch):
        change(lives.api, "run")
    generation = lives.api.get("/v1/sessions/run").json()["generation"]
    assert generation == 4
    assert lives.api.delete("/v1/sessions/run").status == 204
    lives.kill_and_start()
    assert_problem(lives.api.get("/v1/sessions/run"), 404, "unknown-session")
    assert lives.api.get("/v1/sessions").json()["sessions"] == []
    lives.kill_and_start()
    again = create(lives.api, "run")
    assert (again["generation"], again["step"]) == (5, 0)
    train(lives.api, "run", 0, 1)
    state = lives.api.state("run")
    lives.kill_and_start()
    assert lives.api.tag("run") == '"5-1"'
    assert lives.api.state("run") == state


def test_a_session_in_memory_is_gone_and_says_so_before(lives):
    lives.api.create("memory", {"w": 1}, durability="none")
    assert lives.api.step("memory", {"w": 1})["durability"] == "none"
    assert not list((lives.directory / "sessions").iterdir())
    lives.kill_and_start()
    assert_problem(lives.api.get("/v1/sessions/memory"), 404, "unknown-session")


def test_a_clean_end_leaves_nothing_to_replay(lives):
    create(lives.api, "run")
    train(lives.api, "run", 0, 8)
    state = lives.api.state("run")
    lives.stop()
    assert [path.name for path in lives.files("run", "snapshot")][-1].endswith("-8.safetensors")
    tensors = load(lives.files("run", "snapshot")[-1].read_bytes())
    assert np.array_equal(tensors["exp_avg/w"], load(state)["exp_avg/w"])
    lives.start("--log-level", "debug")
    assert lives.api.state("run") == state
    said = lives.server.said()
    assert "session recovered" in said and "steps=0" in said, said
    lives.kill_and_start("--log-level", "debug")
    assert "steps=0" in lives.server.said()
