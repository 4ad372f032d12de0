"""Makes digits.json with PyTorch: the losses of examples/two_layer_network.py in torch.optim.

    python Tests/IntegrationTests/golden/make_digits.py

Muon and AdamW as installed, so Muon's matrices are orthogonalized in BF16, and once more in F32.
Needs torch, NumPy, and the data set that scikit-learn ships.
"""

import json
import sys
from pathlib import Path

import torch
from torch.optim import _muon

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "examples")]

import two_layer_network as example  # noqa: E402


def single(grad, ns_coefficients, ns_steps, eps):
    """PyTorch's function in F32."""
    a, b, c = ns_coefficients
    x = grad.float()
    x = x.T if grad.shape[0] > grad.shape[1] else x
    x = x / x.norm().clamp(min=eps)
    for _ in range(ns_steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if grad.shape[0] > grad.shape[1] else x


def losses():
    images, digits = example.load_digits()
    parameters = {name: torch.nn.Parameter(torch.from_numpy(array.copy()))
                  for name, array in example.initial_parameters().items()}
    biases = example.SETTINGS["optimizer"]
    matrices = example.SETTINGS["param_groups"][0]
    optimizers = [
        torch.optim.AdamW([parameters["b1"], parameters["b2"]], lr=biases["lr"],
                          weight_decay=biases["weight_decay"]),
        torch.optim.Muon([parameters["w1"], parameters["w2"]], lr=matrices["lr"],
                         weight_decay=matrices["weight_decay"]),
    ]
    found = []
    for _ in range(example.STEPS):
        arrays = {name: p.detach().numpy() for name, p in parameters.items()}
        loss, gradients = example.loss_and_gradients(arrays, images, digits)
        found.append(loss)
        for name, p in parameters.items():
            p.grad = torch.from_numpy(gradients[name])
        for optimizer in optimizers:
            optimizer.step()
    return found


def main():
    torch.set_num_threads(1)
    curves = {"bf16": losses()}
    _muon._zeropower_via_newtonschulz = single
    curves["f32"] = losses()
    text = json.dumps({"torch": torch.__version__} | curves, indent=1)
    (HERE / "digits.json").write_text(text + "\n", encoding="ascii")
    print({name: curve[-1] for name, curve in curves.items()})


if __name__ == "__main__":
    main()
