"""Writes adam.txt beside itself: final states of torch.optim.Adam and AdamW, fused, on one CPU.

See README.md for the format. The capability must be chosen before torch is imported.
"""

import os

os.environ["ATEN_CPU_CAPABILITY"] = "default"

import pathlib

import numpy
import torch

MASK = (1 << 64) - 1
STEPS = 25

# lr, betas, eps, weight_decay, amsgrad, maximize
OPTIONS = [
    (1e-3, (0.9, 0.999), 1e-8, 0.0, False, False),
    (1e-3, (0.9, 0.999), 1e-8, 0.01, False, False),
    (0.1, (0.9, 0.999), 1e-8, 0.0, True, False),
    (0.02, (0.8, 0.95), 1e-6, 0.1, True, True),
    (0.05, (0.5, 0.9), 1e-3, 0.0, False, True),
    (0.3, (0.0, 0.1), 1e-8, 0.3, True, False),
]
SIZES = {"f32": (1, 16, 37), "f64": (1, 8, 19)}


class SplitMix:
    """The generator of Support.swift."""

    def __init__(self, seed):
        self.state = seed

    def value(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        bits = z ^ (z >> 31)
        return ((bits >> 40) / 8388608 - 1) / (1 << (bits & 7))

    def tensor(self, count, dtype):
        return torch.tensor([self.value() for _ in range(count)], dtype=dtype)


def run(kind, dtype, count, seed, options):
    lr, betas, eps, weight_decay, amsgrad, maximize = options
    random = SplitMix(seed)
    parameter = torch.nn.Parameter(random.tensor(count, dtype))
    make = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
    optimizer = make(
        [parameter], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
        amsgrad=amsgrad, maximize=maximize, fused=True)
    for _ in range(STEPS):
        parameter.grad = random.tensor(count, dtype)
        optimizer.step()
    state = optimizer.state[parameter]
    names = ["exp_avg", "exp_avg_sq"] + (["max_exp_avg_sq"] if amsgrad else [])
    return [("param", parameter.detach())] + [(name, state[name]) for name in names]


def hexadecimal(tensor):
    bits, width = (numpy.uint32, 8) if tensor.dtype == torch.float32 else (numpy.uint64, 16)
    return " ".join(f"{int(x):0{width}x}" for x in tensor.numpy().view(bits))


def main():
    assert torch.backends.cpu.get_cpu_capability() == "DEFAULT"
    torch.set_num_threads(1)
    lines = [f"torch {torch.__version__}"]
    seed = 0
    for precision, dtype in (("f32", torch.float32), ("f64", torch.float64)):
        for kind in ("adam", "adamw"):
            for options in OPTIONS:
                for count in SIZES[precision]:
                    seed += 1
                    lr, betas, eps, weight_decay, amsgrad, maximize = options
                    numbers = {
                        "lr": lr, "beta1": betas[0], "beta2": betas[1], "eps": eps,
                        "weight_decay": weight_decay}
                    words = [f"type={kind}", f"precision={precision}", f"count={count}"]
                    words += [f"steps={STEPS}", f"seed={seed}"]
                    words += [f"{name}={float(x).hex()}" for name, x in numbers.items()]
                    words += [f"amsgrad={int(amsgrad)}", f"maximize={int(maximize)}"]
                    lines.append("case " + " ".join(words))
                    for name, tensor in run(kind, dtype, count, seed, options):
                        lines.append(f"{name} {hexadecimal(tensor)}")
    pathlib.Path(__file__).with_name("adam.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
