"""JSON answers that several writers make at once: one text, whatever lies at the seams."""

import gzip
import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from api import JSON, SAFETENSORS
from wire import Connection

PIECE = 8192
# Tensors that end at a seam, span several, or have no elements before, at and behind one.
LAYOUTS = {
    "one": [[3 * PIECE + 1]],
    "rows": [[5, 3 * PIECE // 2], [2, 2, PIECE]],
    "seams": [[PIECE - 1], [], [0], [PIECE], [0, 4], [2, PIECE // 2], [0]],
    "pieces": [[PIECE], [PIECE]],
    "narrow": [[PIECE + 3, 1], [1, 1, 2 * PIECE]],
    "many": [[n % 7] for n in range(2000)] + [[3, 4000]],
}


@pytest.mark.parametrize("layout, dtype", [
    *((layout, np.float32) for layout in LAYOUTS), ("seams", np.float64), ("seams", np.float16)])
def test_seams_do_not_show(api, name, layout, dtype):
    random = np.random.default_rng(5)
    # Names whose order is that of the layout.
    tensors = {f"t{index:04}": random.normal(size=shape).astype(dtype)
               for index, shape in enumerate(LAYOUTS[layout])}
    assert api.put(f"/v1/sessions/{name}", body=save(tensors), type=SAFETENSORS).status == 201
    gradients = {key: random.normal(size=value.shape).astype(dtype)
                 for key, value in tensors.items()}
    # Not by way of `api`, which holds every number of an answer to its schema.
    path = f"/v1/sessions/{name}"
    with Connection(api.port) as connection:
        stepped = connection.ask("POST", f"{path}/steps", {
            "Content-Type": SAFETENSORS, "Accept": JSON}, save(gradients))
        assert stepped.status == 200, stepped
        read = connection.ask("GET", f"{path}/parameters", {"Accept": JSON})
        coded = connection.ask("GET", f"{path}/parameters", {
            "Accept": JSON, "Accept-Encoding": "gzip"})
    assert coded.header("Content-Encoding") == "gzip"
    assert gzip.decompress(coded.body) == read.body
    expected = load(api.get(f"{path}/parameters", headers={"Accept": SAFETENSORS}).body)
    for answer in (stepped, read):
        found = json.loads(answer.body)["parameters"]
        assert list(found) == sorted(expected)
        for key, tensor in expected.items():
            value = found[key]
            if tensor.size == 0:
                assert value == {"dtype": value["dtype"], "shape": list(tensor.shape), "data": []}
            else:
                assert np.array_equal(np.array(value, dtype), tensor), key
