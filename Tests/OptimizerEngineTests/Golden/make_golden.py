"""Writes adam.txt beside itself: final states of torch.optim.Adam and AdamW, fused, on one CPU.

See README.md for the format. The capability must be chosen before torch is imported.
"""

import os

os.environ["ATEN_CPU_CAPABILITY"] = "default"

import pathlib
import sys

import numpy
import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "IntegrationTests"))

from vectors import SplitMix  # noqa: E402

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


def drawn(random, count, dtype):
    return torch.tensor([random.value() for _ in range(count)], dtype=dtype)


def run(kind, dtype, count, seed, options):
    lr, betas, eps, weight_decay, amsgrad, maximize = options
    random = SplitMix(seed)
    parameter = torch.nn.Parameter(drawn(random, count, dtype))
    make = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
    optimizer = make(
        [parameter], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
        amsgrad=amsgrad, maximize=maximize, fused=True)
    for _ in range(STEPS):
        parameter.grad = drawn(random, count, dtype)
        optimizer.step()
    state = optimizer.state[parameter]
    names = ["exp_avg", "exp_avg_sq"] + (["max_exp_avg_sq"] if amsgrad else [])
    return [("param", parameter.detach())] + [(name, state[name]) for name in names]


def hexadecimal(tensor):
    bits, width = (numpy.uint32, 8) if tensor.dtype == torch.float32 else (numpy.uint64, 16)
    return " ".join(f"{int(x):0{width}x}" for x in tensor.numpy().view(bits))


def words(options):
    for name, value in options.items():
        if isinstance(value, tuple):
            yield f"{name}=" + ",".join(float(x).hex() for x in value)
        elif isinstance(value, bool):
            yield f"{name}={int(value)}"
        elif isinstance(value, (int, str)):
            yield f"{name}={value}"
        else:
            yield f"{name}={float(value).hex()}"


def header(kind, precision, count, seed, options):
    first = f"case type={kind} precision={precision} count={count} steps={STEPS} seed={seed}"
    return " ".join([first, *words(options)])


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
                    named = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                             "amsgrad": amsgrad, "maximize": maximize}
                    lines.append(header(kind, precision, count, seed, named))
                    for name, tensor in run(kind, dtype, count, seed, options):
                        lines.append(f"{name} {hexadecimal(tensor)}")
    (HERE / "adam.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
