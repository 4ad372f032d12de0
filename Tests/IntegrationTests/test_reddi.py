"""Theorem 1 of Reddi, Kale and Kumar, "On the Convergence of Adam and Beyond" (ICLR 2018).

The losses are C·x at t = 3k + 1 and −x otherwise, on [−1, 1], with C = 3. The best fixed point
is −1, yet Adam with betas (0, 1/(1 + C²)) returns to 1. Each step has a learning rate of its
own, and the projection onto [−1, 1] is a PUT of the parameters, which keeps the moments.
"""

import math

import pytest

from api import assert_problem

C = 3
STEPS = 1200


def run(api, name, amsgrad):
    api.create(name, {"x": {"dtype": "F64", "shape": [], "data": [1.0]}},
               optimizer={"betas": [0, 0.1], "eps": 0, "amsgrad": amsgrad})
    x, at_steep = 1.0, []
    for t in range(1, STEPS + 1):
        gradient = C if t % 3 == 1 else -1
        if t % 3 == 1:
            at_steep.append(x)
        answer = api.step(name, {"x": gradient}, lr=0.9 * math.sqrt(0.9) / math.sqrt(t))
        assert answer["step"] == t
        x = answer["parameters"]["x"]
        if abs(x) > 1:
            x = math.copysign(1.0, x)
            projected = api.put(f"/v1/sessions/{name}/parameters", json={"parameters": {"x": x}})
            assert projected.json() == {"step": t, "parameters": {"x": x}}
    return at_steep


def test_adam_stands_at_the_worst_point(api, name):
    """Exactly 1.0 at every t = 3k + 1, whatever the steps between have learnt."""
    assert run(api, name, amsgrad=False) == [1.0] * (STEPS // 3)


def test_amsgrad_goes_to_the_best_point(api, name):
    at_steep = run(api, name, amsgrad=True)
    assert at_steep[-1] == pytest.approx(-1, abs=0.05)
    assert at_steep[-1] < at_steep[len(at_steep) // 2] < at_steep[1]


def test_rate_of_a_step_does_not_stay(api, name):
    api.create(name, {"x": 0.0}, optimizer={"lr": 0.125})
    assert api.step(name, {"x": 1}, lr=0.5)["lr"] == {"default": 0.5}
    assert api.step(name, {"x": 1})["lr"] == {"default": 0.125}
    response = api.post(f"/v1/sessions/{name}/steps", json={"gradients": {"x": 1}, "lr": -0.5})
    assert_problem(response, 422, "invalid-hyperparameter", "/lr")
