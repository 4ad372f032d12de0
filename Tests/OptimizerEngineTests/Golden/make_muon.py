"""Writes muon.txt beside itself: final states of torch.optim.Muon, on one CPU.

See README.md for the format. PyTorch orthogonalizes in BF16 and multiplies matrices in whatever
order its library likes; here that function is in F32 and sums in the engine's order
(COptimizerKernels.h). All else is PyTorch's own.
"""

import os

os.environ["ATEN_CPU_CAPABILITY"] = "default"

import torch
from torch.optim import _muon

from make_golden import HERE, STEPS, SplitMix, drawn, header, hexadecimal
from make_optimizers import norm

BLOCK = 256

CASES = [
    ((5, 7), {}), ((7, 5), {}), ((6, 6), {}), ((1, 9), {}), ((9, 1), {}), ((2, 300), {}),
    ((5, 7), {"lr": 0.1, "momentum": 0.3}),
    ((7, 5), {"lr": 0.05, "nesterov": False}),
    ((7, 5), {"lr": 0.02, "weight_decay": 0.0, "adjust_lr_fn": "match_rms_adamw"}),
    ((5, 7), {"lr": 0.02, "adjust_lr_fn": "match_rms_adamw"}),
    ((7, 5), {"lr": 0.02, "adjust_lr_fn": "spectral_unclamped"}),
    ((5, 7), {"lr": 0.02, "adjust_lr_fn": "original", "momentum": 0.0}),
    ((5, 7), {"lr": 0.02, "ns_steps": 0, "eps": 100.0}),
    ((6, 4), {"lr": 0.02, "ns_steps": 2, "ns_coefficients": (2.0, -1.5, 0.5)}),
]


def product(a, b):
    total = torch.zeros(a.shape[0], b.shape[1])
    for start in range(0, a.shape[1], BLOCK):
        block = torch.zeros_like(total)
        for k in range(start, min(start + BLOCK, a.shape[1])):
            block = block + a[:, k, None] * b[None, k, :]
        total = total + block
    return total


def zeropower(grad, ns_coefficients, ns_steps, eps):
    a, b, c = ns_coefficients
    x = grad.float()
    # In the order in which the elements lie, whichever side is the longer one.
    size = max(torch.tensor(norm(x.flatten())).float(), torch.tensor(eps).float())
    x = x / size
    is_tall = x.shape[0] > x.shape[1]
    if is_tall:
        x = x.T
    for _ in range(ns_steps):
        gram = product(x, x.T)
        polynomial = c * product(gram, gram) + b * gram
        x = product(polynomial, x) + a * x
    return x.T if is_tall else x


def run(shape, dtype, seed, options):
    random = SplitMix(seed)
    count = shape[0] * shape[1]
    parameter = torch.nn.Parameter(drawn(random, count, dtype).reshape(shape))
    optimizer = torch.optim.Muon([parameter], **options)
    for _ in range(STEPS):
        parameter.grad = drawn(random, count, dtype).reshape(shape)
        optimizer.step()
    yield "param", parameter.detach().flatten()
    yield "momentum_buffer", optimizer.state[parameter]["momentum_buffer"].flatten()


def main():
    assert torch.backends.cpu.get_cpu_capability() == "DEFAULT"
    torch.set_num_threads(1)
    _muon._zeropower_via_newtonschulz = zeropower
    lines = [f"torch {torch.__version__}"]
    seed = 2000
    for precision, dtype in (("f32", torch.float32), ("f64", torch.float64)):
        for shape, options in CASES:
            seed += 1
            named = {"rows": shape[0], **options}
            lines.append(header("muon", precision, shape[0] * shape[1], seed, named))
            for name, tensor in run(shape, dtype, seed, options):
                lines.append(f"{name} {hexadecimal(tensor)}")
    (HERE / "muon.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
