"""POST …/steps in JSON: the answer, the options, and what a step leaves alone."""

import json
import math

import numpy as np
import pytest

import reference
from api import assert_problem

W, B = [[1, 2], [3, 4]], [0.1, -0.1]


def test_answer_of_the_contract(api, name):
    """The worked example of the README, number by number."""
    api.create(name, {"w": [[0.1, 0.2], [0.3, 0.4]], "b": [0, 0]},
               param_groups=[{"name": "slow", "params": ["b"], "lr": 0.0001}])
    response = api.post(f"/v1/sessions/{name}/steps",
                        json={"gradients": {"w": W, "b": B}, "loss": 0.69})
    answer = response.json()
    assert answer["session"] == name
    assert (answer["generation"], answer["step"], answer["applied"]) == (1, 1, True)
    assert answer["loss"] == 0.69
    assert answer["clip_coef"] == 1
    assert answer["durability"] == "log"
    assert answer["lr"] == {"default": 0.001, "slow": 0.0001}
    gradients = [np.array(W, np.float32), np.array(B, np.float32)]
    assert answer["grad_norm"] == pytest.approx(reference.grad_norm(gradients), rel=1e-12)
    # The shortest decimals of the F32 results, which rounding leaves one ulp off the round ones.
    w = reference.Adam(np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)).step(gradients[0])
    b = reference.Adam(np.zeros(2, np.float32), lr=0.0001).step(gradients[1])
    assert np.array_equal(np.array(answer["parameters"]["w"], np.float32), w)
    assert np.array_equal(np.array(answer["parameters"]["b"], np.float32), b)
    assert str(answer["parameters"]["b"][0]) == str(float(np.format_float_positional(b[0])))


def test_scalars_are_in_headers_too(api, session):
    response = api.post(f"/v1/sessions/{session}/steps",
                        json={"gradients": {"w": W, "b": B}, "loss": -1.5e-30})
    answer = response.json()
    assert response.header("ETag") == '"1-2"'
    assert response.header("Optimizer-Step") == "2"
    assert float(response.header("Optimizer-Grad-Norm")) == answer["grad_norm"]
    assert response.header("Optimizer-Clip-Coef") == "1"
    assert response.header("Optimizer-Applied") == "true"
    assert float(response.header("Optimizer-Loss")) == -1.5e-30
    assert response.header("Optimizer-Durability") == "none"


def test_loss_is_absent_when_not_given(api, session):
    response = api.post(f"/v1/sessions/{session}/steps", json={"gradients": {"w": W, "b": B}})
    assert response.header("Optimizer-Loss") is None
    assert response.json().get("loss") is None


def test_rate_for_all_groups_or_by_group(api, session):
    gradients = {"w": W, "b": B}
    assert api.step(session, gradients, lr=0.5)["lr"] == {"default": 0.5, "slow": 0.5}
    assert api.step(session, gradients, lr={"slow": 0.25})["lr"] == {"default": 0.001, "slow": 0.25}
    assert api.step(session, gradients, lr=0)["lr"] == {"default": 0, "slow": 0}
    assert api.step(session, gradients)["lr"] == {"default": 0.001, "slow": 0.0001}


@pytest.mark.parametrize("scale", [1, 2, 1024, 3, 0.1])
def test_grad_scale_divides_the_gradient(api, name, scale):
    api.create(name, {"p": [0.5, -0.5]})
    gradient = np.array([0.3, -0.7], np.float32)
    engine = reference.Adam(np.array([0.5, -0.5], np.float32))
    answer = api.step(name, {"p": gradient.tolist()}, grad_scale=scale)
    expected = engine.step(gradient, grad_scale=scale)
    assert answer["grad_norm"] == pytest.approx(
        reference.grad_norm([gradient / np.float32(scale)]), rel=1e-9)
    assert np.array_equal(np.array(answer["parameters"]["p"], np.float32), expected)


def test_clipping_is_torchs(api, name):
    """coef = min(1, max_norm / (norm + 1e-6)) over all tensors; null lifts it for one step."""
    api.create(name, {"a": [0.5], "b": [0.5]}, max_grad_norm=0.5)
    gradients = {"a": [3], "b": [4]}
    answer = api.step(name, gradients)
    assert (answer["grad_norm"], answer["clip_coef"]) == (5, 0.5 / (5 + 1e-6))
    engine = reference.Adam(np.array([0.5], np.float32))
    expected = engine.step([3], clip_coef=0.5 / (5 + 1e-6))
    assert np.array_equal(np.array(answer["parameters"]["a"], np.float32), expected)
    assert api.step(name, gradients, max_grad_norm=None)["clip_coef"] == 1
    assert api.step(name, gradients, max_grad_norm=10)["clip_coef"] == 1
    assert api.step(name, gradients, max_grad_norm=0)["clip_coef"] == 0
    assert api.step(name, gradients)["clip_coef"] == 0.5 / (5 + 1e-6)


def test_missing_gradient_is_an_error_unless_skipped(api, session):
    with api.unchanged(session):
        response = api.post(f"/v1/sessions/{session}/steps", json={"gradients": {"w": W}})
        assert_problem(response, 422, "missing-gradient", "/gradients/b")
        for partial in ("error", "skip"):
            empty = api.post(f"/v1/sessions/{session}/steps",
                             json={"gradients": {}, "partial": partial})
            assert_problem(empty, 422, "missing-gradient")


def test_skipped_parameter_is_untouched_and_its_step_stands(api, name):
    from safetensors.numpy import load

    api.create(name, {"w": [1.0], "b": [1.0]}, optimizer={"type": "adamw", "weight_decay": 0.5})
    api.step(name, {"w": [1], "b": [1]})
    before = load(api.state(name))
    answer = api.step(name, {"w": [1]}, partial="skip")
    assert answer["step"] == 2
    after = load(api.state(name))
    assert before["parameters/b"] == after["parameters/b"], "no decay either"
    assert (after["step/b"], after["step/w"]) == (1, 2)
    assert answer["grad_norm"] == 1
    assert set(answer["parameters"]) == {"w", "b"}


@pytest.mark.parametrize("value", ["1e999", "-1e999", "1e39"])
def test_nonfinite_gradients_are_rejected_by_default(api, session, value):
    body = f'{{"gradients": {{"w": [[1, 2], [{value}, 4]], "b": [0, 0]}}}}'
    with api.unchanged(session):
        response = api.post(f"/v1/sessions/{session}/steps", json=body)
        assert_problem(response, 422, "nonfinite-gradient", "/gradients/w")


def test_nonfinite_gradients_are_skipped_and_counted(api, session):
    before = api.state(session)
    body = '{"gradients": {"w": [[1, 2], [1e999, 4]], "b": [0, 0]}, "nonfinite": "skip"}'
    response = api.post(f"/v1/sessions/{session}/steps", json=body)
    answer = response.json()
    assert (answer["applied"], answer["step"]) == (False, 1)
    assert answer["grad_norm"] == "Infinity"
    assert response.header("Optimizer-Applied") == "false"
    assert response.header("Optimizer-Grad-Norm") == "Infinity"
    description = api.get(f"/v1/sessions/{session}").json()
    assert (description["skipped"], description["step"]) == (1, 1)
    from safetensors.numpy import load
    old, new = load(before), load(api.state(session))
    assert old.keys() == new.keys()
    assert all(old[key].tobytes() == new[key].tobytes() for key in old)


def test_nonfinite_gradients_propagate(api, session):
    body = '{"gradients": {"w": [[1, 2], [1e999, 4]], "b": [0, 0]}, "nonfinite": "propagate"}'
    answer = api.post(f"/v1/sessions/{session}/steps", json=body).json()
    assert answer["applied"] and answer["step"] == 2
    assert answer["parameters"]["w"][1][0] == "NaN"
    assert all(isinstance(value, float) for value in answer["parameters"]["w"][0])


def test_policy_is_judged_after_grad_scale(api, name):
    """F32 gradients that overflow only before, or only after, they are divided."""
    api.create(name, {"p": [0.0]})
    assert api.step(name, {"p": [3e38]}, grad_scale=1e10)["applied"]
    response = api.post(f"/v1/sessions/{name}/steps",
                        json={"gradients": {"p": [3e38]}, "grad_scale": 1e-3})
    assert_problem(response, 422, "nonfinite-gradient", "/gradients/p")


def test_session_policy_and_override_of_one_step(api, name):
    api.create(name, {"p": [0.0]}, nonfinite="skip")
    body = '{"gradients": {"p": [1e999]}%s}'
    target = f"/v1/sessions/{name}/steps"
    assert api.post(target, json=body % "").json()["applied"] is False
    rejected = api.post(target, json=body % ', "nonfinite": "reject"')
    assert_problem(rejected, 422, "nonfinite-gradient")


def test_maximize_ascends(api, name):
    api.create(name, {"p": [0.0]}, optimizer={"maximize": True, "lr": 0.5})
    assert api.step(name, {"p": [2]})["parameters"]["p"][0] == pytest.approx(0.5, rel=1e-6)


def test_steps_of_many_clients_are_applied_one_by_one(api, name):
    """Sixteen connections at once: every step has a number of its own, and none is lost."""
    from concurrent.futures import ThreadPoolExecutor

    api.create(name, {"p": [0.0] * 1000}, optimizer={"lr": 0.5})
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: api.step(name, {"p": [1.0] * 1000}), range(48)))
    assert sorted(answer["step"] for answer in answers) == list(range(1, 49))
    engine = reference.Adam(np.zeros(1, np.float32), lr=0.5)
    expected = [float(engine.step([1.0])[0]) for _ in range(48)]
    by_step = sorted(answers, key=lambda answer: answer["step"])
    for answer, value in zip(by_step, expected, strict=True):
        assert np.float32(answer["parameters"]["p"][0]) == np.float32(value)
        assert len(set(answer["parameters"]["p"])) == 1


@pytest.mark.parametrize("text, value", [
    ("0.1", 0.1), ("1e-45", 1.401298464324817e-45), ("3.4028235e38", 3.4028234663852886e38),
    ("0.000000000000000000000000000000000000000000000700649232162408535461864791644958", 0.0),
    ("1.00000017881393432617187500", 1.000000238418579), ("-0", -0.0), ("1E+2", 100.0),
    ("16777217", 16777216.0), ("16777217.0000000001", 16777218.0),
])
def test_numbers_are_rounded_once(api, name, text, value):
    """To F32 straight from the decimal, half-way cases included."""
    api.create(name, {"p": [0.0]})
    body = f'{{"parameters": {{"p": [{text}]}}}}'
    response = api.put(f"/v1/sessions/{name}/parameters", json=body)
    # "-0" is a float to JavaScript and an integer without a sign to Python, unless told otherwise.
    number = json.loads(response.body, parse_int=float)["parameters"]["p"][0]
    assert np.float32(number) == np.float32(value)
    assert math.copysign(1, number) == math.copysign(1, value)
