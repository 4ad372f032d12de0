"""Makes golden.json with PyTorch: the committed vectors that the service is compared with.

    ATEN_CPU_CAPABILITY=default python Tests/IntegrationTests/golden/make_golden.py

`fused` and that variable give torch's own exact arithmetic (no FMA, correctly rounded roots), so
`vectors` are compared bit for bit. `training` is stock torch.optim on the breast-cancer data, which
is compared within tolerances. Needs torch, NumPy, and the data set that scikit-learn ships.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "examples")]

from logistic_regression import initial_parameters, load_data, loss_and_gradients  # noqa: E402

RUNS = {
    "adam": {"type": "adam", "lr": 0.01},
    "adamw": {"type": "adamw", "lr": 0.01, "weight_decay": 0.05},
    "amsgrad": {"type": "adam", "lr": 0.01, "betas": [0.8, 0.99], "amsgrad": True},
}
VARIANTS = RUNS | {
    "coupled decay": {"type": "adam", "lr": 0.1, "weight_decay": 0.1, "eps": 1e-3},
    "maximize": {"type": "adamw", "lr": 0.1, "maximize": True},
    "heavy lerp": {"type": "adam", "lr": 0.02, "betas": [0.3, 0.95]},
}
TRAINING_STEPS = 300
VECTOR_STEPS = 10


def optimizer(tensors, options, fused):
    options = dict(options)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options.pop("type")]
    return kind(tensors, **options, fused=fused)


def vectors(options, dtype):
    """Random gradients of many magnitudes, and where torch takes the parameters with them."""
    random = np.random.default_rng(20)
    real = {"F32": np.float32, "F64": np.float64}[dtype]
    start = random.normal(size=7).astype(real)
    scales = 10.0 ** random.integers(-6, 4, size=(VECTOR_STEPS, 7))
    gradients = (random.normal(size=(VECTOR_STEPS, 7)) * scales).astype(real)
    tensor = torch.tensor(start, requires_grad=True)
    engine = optimizer([tensor], options, fused=True)
    after = []
    for gradient in gradients:
        tensor.grad = torch.tensor(gradient)
        engine.step()
        after.append(tensor.detach().tolist())
    state = engine.state[tensor]
    moments = {name: state[name].tolist() for name in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
               if name in state}
    return {"optimizer": options, "dtype": dtype, "start": start.tolist(),
            "gradients": gradients.tolist(), "after": after, "state": moments}


def training(options):
    """The same training as the example's, with torch's optimizer in place of the service."""
    features, labels = load_data()
    tensors = {name: torch.tensor(array, requires_grad=True)
               for name, array in initial_parameters(features).items()}
    engine = optimizer(list(tensors.values()), options, fused=False)
    losses = []
    for _ in range(TRAINING_STEPS):
        arrays = {name: tensor.detach().numpy() for name, tensor in tensors.items()}
        loss, gradients = loss_and_gradients(arrays, features, labels)
        losses.append(loss)
        for name, tensor in tensors.items():
            tensor.grad = torch.tensor(gradients[name])
        engine.step()
    return {"optimizer": options, "losses": losses,
            "parameters": {name: tensor.tolist() for name, tensor in tensors.items()}}


def main():
    options = argparse.ArgumentParser(description="Golden vectors from PyTorch.")
    options.add_argument("--out", type=Path, default=HERE / "golden.json")
    golden = {
        "made_with": f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}",
        "vectors": {f"{name} {dtype}": vectors(variant, dtype)
                    for name, variant in VARIANTS.items() for dtype in ("F32", "F64")},
        "training": {name: training(run) for name, run in RUNS.items()},
    }
    text = json.dumps(golden, separators=(",", ":")).replace('},"', '},\n"').replace("],[", "],\n[")
    options.parse_args().out.write_text(text + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
