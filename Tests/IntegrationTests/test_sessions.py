"""Reading, listing, changing, forking and deleting sessions."""

import pytest

from api import assert_problem


def test_description_and_head(api, session):
    full, head = api.get(f"/v1/sessions/{session}"), api.call("HEAD", f"/v1/sessions/{session}")
    assert full.header("ETag") == head.header("ETag") == '"1-1"'
    assert head.status == 200 and head.body == b""
    assert int(head.header("Content-Length")) == len(full.body)
    assert full.json()["step"] == 1
    assert full.json()["updated"] >= full.json()["created"]


@pytest.mark.parametrize("method, suffix, body", [
    ("GET", "", None), ("HEAD", "", None), ("DELETE", "", None),
    ("PATCH", "", {"nonfinite": "skip"}),
    ("POST", "/steps", {"gradients": {"w": 1}}), ("GET", "/parameters", None),
    ("PUT", "/parameters", {"parameters": {"w": 1}}), ("GET", "/state", None)])
def test_unknown_session(api, method, suffix, body):
    response = api.call(method, f"/v1/sessions/nobody{suffix}", json=body)
    assert response.status == 404
    if method != "HEAD":
        assert_problem(response, 404, "unknown-session")


def test_list_pages_through_all_in_order(api):
    names = [f"page-{index:02}" for index in range(7)]
    for name in reversed(names):
        api.create(name, {"w": 1})
    try:
        seen, token, pages = [], "", 0
        while token is not None:
            query = "?prefix=page-&page_size=3" + (f"&page_token={token}" if token else "")
            page = api.get("/v1/sessions" + query).json()
            seen += [entry["name"] for entry in page["sessions"]]
            token, pages = page["next_page_token"], pages + 1
        assert seen == names
        assert pages == 3
        whole = api.get("/v1/sessions?prefix=page-").json()
        assert [entry["name"] for entry in whole["sessions"]] == names
        assert whole["next_page_token"] is None
        assert api.get("/v1/sessions?prefix=page-9").json()["sessions"] == []
    finally:
        for name in names:
            assert api.delete(f"/v1/sessions/{name}").status == 204


@pytest.mark.parametrize("size", ["0", "1001", "-1", "x", "1.5", ""])
def test_page_size_bounds(api, size):
    response = api.get(f"/v1/sessions?page_size={size}")
    assert_problem(response, 422, "invalid-value", "/page_size")


def test_delete_and_generation_of_the_next_of_that_name(api, session):
    assert api.delete(f"/v1/sessions/{session}").status == 204
    assert_problem(api.get(f"/v1/sessions/{session}"), 404, "unknown-session")
    assert_problem(api.delete(f"/v1/sessions/{session}"), 404, "unknown-session")
    assert api.create(session, {"w": 1})["generation"] > 1


def test_fork_takes_the_state_and_then_goes_its_own_way(api, session):
    fork = f"{session}-fork"
    response = api.put(f"/v1/sessions/{fork}?from={session}&step=1")
    assert response.status == 201, response
    assert response.header("Location") == f"/v1/sessions/{fork}"
    assert (response.json()["generation"], response.json()["step"]) == (1, 1)
    assert api.state(fork) == api.state(session)
    gradients = {"w": [[1, 1], [1, 1]], "b": [1, 1]}
    with api.unchanged(session):
        api.step(fork, gradients)
    api.step(session, gradients)
    assert api.state(fork) == api.state(session)
    assert api.delete(f"/v1/sessions/{fork}").status == 204


def test_fork_refusals(api, session):
    assert_problem(api.put(f"/v1/sessions/new?from={session}&step=7"), 404, "unknown-step")
    assert_problem(api.put("/v1/sessions/new?from=nobody"), 404, "unknown-session")
    worded = api.put(f"/v1/sessions/new?from={session}&step=x")
    assert_problem(worded, 422, "invalid-value", "/step")
    assert_problem(api.put(f"/v1/sessions/new?from={session}&colour=x"), 422, "unknown-member")
    assert api.put("/v1/sessions/new?from=a%20b").status in (400, 404)
    assert_problem(api.get("/v1/sessions/new"), 404, "unknown-session")


def test_patch_is_in_force_from_the_next_step(api, name):
    api.create(name, {"w": [0.0]}, optimizer={"lr": 0.5})
    first = api.step(name, {"w": [1]})["parameters"]["w"][0]
    patched = api.patch(f"/v1/sessions/{name}", json={"optimizer": {"lr": 0.25}})
    assert patched.status == 200
    assert patched.header("ETag") == '"2-1"'
    assert patched.json()["optimizer"]["lr"] == 0.25
    second = api.step(name, {"w": [1]})
    assert second["lr"] == {"default": 0.25}
    assert first == pytest.approx(-0.5, rel=1e-6)
    assert second["parameters"]["w"][0] == pytest.approx(-0.75, rel=1e-6)


def test_patch_leaves_what_it_does_not_name(api, session):
    before = api.get(f"/v1/sessions/{session}").json()
    response = api.patch(
        f"/v1/sessions/{session}", type="application/merge-patch+json",
        body='{"param_groups": [{"name": "slow", "eps": 1e-6}], "max_grad_norm": 2}')
    after = response.json()
    assert after["optimizer"] == before["optimizer"]
    assert after["max_grad_norm"] == 2
    groups = {group["name"]: group for group in after["param_groups"]}
    assert (groups["slow"]["eps"], groups["slow"]["lr"]) == (1e-6, 0.0001)
    assert groups["default"]["eps"] == 1e-8
    lifted = api.patch(f"/v1/sessions/{session}", json={"max_grad_norm": None}).json()
    assert lifted["max_grad_norm"] is None


def test_groups_inherit_from_a_patch(api, session):
    groups = api.patch(f"/v1/sessions/{session}",
                       json={"optimizer": {"lr": 0.5, "eps": 1e-4}}).json()["param_groups"]
    by_name = {group["name"]: group for group in groups}
    assert (by_name["default"]["lr"], by_name["default"]["eps"]) == (0.5, 1e-4)
    assert (by_name["slow"]["lr"], by_name["slow"]["eps"]) == (0.0001, 1e-4)


def test_turning_amsgrad_on_starts_at_the_current_second_moment(api, session):
    from safetensors.numpy import load

    api.patch(f"/v1/sessions/{session}", json={"optimizer": {"amsgrad": True}})
    state = load(api.state(session))
    assert (state["max_exp_avg_sq/w"] == state["exp_avg_sq/w"]).all()
    assert (state["exp_avg_sq/w"] > 0).all()


@pytest.mark.parametrize("patch, code, pointer", [
    ({"optimizer": {"type": "adamw"}}, None, "/optimizer/type"),
    ({"param_groups": [{"name": "slow", "params": ["w"]}]}, None, "/param_groups/0/params"),
    ({"param_groups": [{"name": "nobody", "lr": 1}]}, None, "/param_groups/0/name"),
    ({"param_groups": [{"lr": 1}]}, "missing-member", "/param_groups/0/name"),
    ({"param_groups": {"slow": {}}}, "invalid-value", "/param_groups"),
    ({"optimizer": {"lr": None}}, "invalid-value", "/optimizer/lr"),
    ({"nonfinite": None}, "invalid-value", "/nonfinite"),
    ({"nonfinite": "explode"}, "invalid-value", "/nonfinite"),
    ({"lr": 1}, "unknown-member", "/lr"),
    ({"durability": "none"}, "unknown-member", "/durability"),
    ({"parameters": {"w": 1}}, "unknown-member", "/parameters"),
    ({"max_grad_norm": -1}, "invalid-hyperparameter", "/max_grad_norm"),
    ([], "invalid-value", ""), ("null", "invalid-value", ""),
])
def test_patch_refusals(api, session, patch, code, pointer):
    with api.unchanged(session):
        response = api.patch(f"/v1/sessions/{session}", json=patch)
        problem = assert_problem(response, 422, code or response.json().get("code"), pointer)
        assert problem["code"] in ("unknown-member", "invalid-value", "invalid-hyperparameter",
                                   "missing-member")


def test_a_patch_is_applied_wholly_or_not_at_all(api, session):
    with api.unchanged(session):
        response = api.patch(f"/v1/sessions/{session}", json={
            "optimizer": {"lr": 0.5}, "max_grad_norm": 3,
            "param_groups": [{"name": "slow", "eps": -1}]})
        assert_problem(response, 422, "invalid-hyperparameter", "/param_groups/0/eps")
