"""Writes optimizers.txt beside itself: final states of torch.optim's other rules, on one CPU.

See README.md for the format. The capability must be chosen before torch is imported. NAdam keeps
the product of its momentum coefficients in PyTorch's default precision, hence that of F64 here.

PyTorch takes its square roots from a vector library, which misses the nearest number in one of
five; here they are correctly rounded, as IEEE 754 has them. All else is PyTorch's own.
"""

import math
import os

os.environ["ATEN_CPU_CAPABILITY"] = "default"

import numpy
import torch

from make_golden import HERE, STEPS, SplitMix, drawn, header, hexadecimal

SIZES = {"f32": (torch.float32, 37), "f64": (torch.float64, 19)}

SHARED = [{"weight_decay": 0.1}, {"maximize": True}]
ADAMS = [{}, {"lr": 0.1, "betas": (0.3, 0.9)}, {"eps": 1e-3}] + SHARED
CASES = {
    "nadam": ADAMS + [
        {"momentum_decay": 0.5, "lr": 0.1},
        {"weight_decay": 0.1, "decoupled_weight_decay": True, "lr": 0.05},
    ],
    "radam": ADAMS + [
        # Never, and from the first steps on, is the variance tractable.
        {"betas": (0.9, 0.5), "lr": 0.1},
        {"weight_decay": 0.1, "decoupled_weight_decay": True, "lr": 0.05},
    ],
    "adamax": ADAMS,
    "adagrad": [
        {}, {"lr_decay": 0.1}, {"initial_accumulator_value": 0.3}, {"eps": 1e-3},
    ] + SHARED,
    "rmsprop": [
        {}, {"alpha": 0.3}, {"alpha": 1.0, "eps": 1.0}, {"momentum": 0.9}, {"centered": True},
        {"centered": True, "momentum": 0.5, "weight_decay": 0.01, "maximize": True},
    ] + SHARED,
    "adadelta": [{}, {"lr": 0.1, "rho": 0.5}, {"eps": 1e-3}] + SHARED,
    "sgd": [
        {}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.3, "lr": 0.1},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.5, "nesterov": True, "weight_decay": 0.1, "maximize": True},
    ] + SHARED,
    "lamb": ADAMS + [{"weight_decay": 0.0}],
    "lion": [{}, {"lr": 0.1, "betas": (0.5, 0.3)}, {"lr": 0.01, "weight_decay": 0.3},
             {"maximize": True}],
}


def exact_sqrt(tensor):
    return torch.from_numpy(numpy.sqrt(tensor.numpy()))


def exact_sqrt_(tensor):
    return tensor.copy_(exact_sqrt(tensor))


class Lion(torch.optim.Optimizer):
    """Algorithm 2 of Chen and others 2023, which PyTorch has not."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, maximize=False):
        super().__init__(params, {
            "lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (beta1, beta2), lr = group["betas"], group["lr"]
            for p in group["params"]:
                g = -p.grad if group["maximize"] else p.grad
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                p.mul_(1 - lr * group["weight_decay"])
                p.add_((m * beta1 + g * (1 - beta1)).sign_(), alpha=-lr)
                m.mul_(beta2).add_(g, alpha=1 - beta2)


class LAMB(torch.optim.Optimizer):
    """Algorithm 2 of You and others 2020, which PyTorch has not either."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01,
                 maximize=False):
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "maximize": maximize})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (beta1, beta2), lr = group["betas"], group["lr"]
            for p in group["params"]:
                g = -p.grad if group["maximize"] else p.grad
                state = self.state[p]
                t = state["step"] = state.get("step", 0) + 1
                m = state.setdefault("exp_avg", torch.zeros_like(p))
                v = state.setdefault("exp_avg_sq", torch.zeros_like(p))
                m.lerp_(g, 1 - beta1)
                v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
                u = (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + group["eps"])
                if group["weight_decay"] != 0:
                    u.add_(p, alpha=group["weight_decay"])
                size, length = norm(p), norm(u)
                ratio = size / length if size > 0 and length > 0 else 1
                p.add_(u, alpha=-(lr * ratio))


def norm(tensor):
    """In double, in the order of the engine's norms (COptimizerKernels.h)."""
    squares = tensor.detach().double().square()
    sums = [0.0 for _ in range(16)]
    for index, square in enumerate(squares.tolist()):
        sums[index % 16] += square
    for half in (8, 4, 2, 1):
        for j in range(half):
            sums[j] += sums[j + half]
    return math.sqrt(sums[0])


RULES = {
    "nadam": torch.optim.NAdam, "radam": torch.optim.RAdam, "adamax": torch.optim.Adamax,
    "adagrad": torch.optim.Adagrad, "rmsprop": torch.optim.RMSprop,
    "adadelta": torch.optim.Adadelta, "sgd": torch.optim.SGD, "lion": Lion, "lamb": LAMB,
}


def run(kind, dtype, count, seed, options):
    random = SplitMix(seed)
    parameter = torch.nn.Parameter(drawn(random, count, dtype))
    single = {} if kind in ("lion", "lamb") else {"foreach": False}
    optimizer = RULES[kind]([parameter], **options, **single)
    for _ in range(STEPS):
        parameter.grad = drawn(random, count, dtype)
        optimizer.step()
    state = optimizer.state[parameter]
    yield "param", parameter.detach()
    for name, value in state.items():
        if name == "mu_product":
            yield name, value.reshape(1)
        elif name != "step" and value is not None:
            yield name, value


def main():
    assert torch.backends.cpu.get_cpu_capability() == "DEFAULT"
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.Tensor.sqrt, torch.Tensor.sqrt_ = exact_sqrt, exact_sqrt_
    lines = [f"torch {torch.__version__}"]
    seed = 1000
    for precision, (dtype, count) in SIZES.items():
        for kind, cases in CASES.items():
            for options in cases:
                seed += 1
                lines.append(header(kind, precision, count, seed, options))
                for name, tensor in run(kind, dtype, count, seed, options):
                    lines.append(f"{name} {hexadecimal(tensor)}")
    (HERE / "optimizers.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
