"""Writes schedules.txt: the learning rates that PyTorch's schedulers set. See README.md.

    pip install torch
    python make_schedules.py
"""

import math
import pathlib
import warnings

import torch
from torch.optim import lr_scheduler as s

BASE = 0.37
COUNT = 300
# Every step at first, then every seventh.
STEPS = [*range(61), *range(61, COUNT, 7)]


def inverse_sqrt(warmup, timescale):
    def factor(step):
        if step < warmup:
            return step / max(1, warmup)
        return 1 / math.sqrt((step - warmup + timescale) / timescale)
    return lambda o: s.LambdaLR(o, factor)


def wsd(warmup, stable, decay, low, kind):
    def factor(step):
        if step < warmup:
            rise = step / max(1, warmup)
        elif step < warmup + stable:
            return 1
        elif step < warmup + stable + decay:
            progress = (step - warmup - stable) / max(1, decay)
            rise = {"cosine": 0.5 * (1 + math.cos(math.pi * progress)), "linear": 1 - progress,
                    "1-sqrt": 1 - math.sqrt(progress)}[kind]
        else:
            return low
        return rise * (1 - low) + low
    return lambda o: s.LambdaLR(o, factor)


def one_cycle(**options):
    return lambda o: s.OneCycleLR(o, max_lr=2.5, total_steps=COUNT, cycle_momentum=False,
                                  **options)


def cyclic(**options):
    return lambda o: s.CyclicLR(o, base_lr=0.1, max_lr=1.9, cycle_momentum=False, **options)


SCHEDULES = {
    "constant": lambda o: s.ConstantLR(o),
    "constant-17": lambda o: s.ConstantLR(o, factor=0.25, total_iters=17),
    "linear": lambda o: s.LinearLR(o),
    "linear-down": lambda o: s.LinearLR(o, start_factor=0.9, end_factor=0.05, total_iters=211),
    "step": lambda o: s.StepLR(o, step_size=30),
    "step-half": lambda o: s.StepLR(o, step_size=7, gamma=0.5),
    "multi_step": lambda o: s.MultiStepLR(o, milestones=[0, 3, 50, 200], gamma=0.3),
    "exponential": lambda o: s.ExponentialLR(o, gamma=0.97),
    "polynomial": lambda o: s.PolynomialLR(o),
    "polynomial-2.5": lambda o: s.PolynomialLR(o, total_iters=150, power=2.5),
    "cosine": lambda o: s.CosineAnnealingLR(o, T_max=100),
    "cosine-min": lambda o: s.CosineAnnealingLR(o, T_max=299, eta_min=0.01),
    "restarts": lambda o: s.CosineAnnealingWarmRestarts(o, T_0=40),
    "restarts-2": lambda o: s.CosineAnnealingWarmRestarts(o, T_0=10, T_mult=2, eta_min=0.02),
    "one_cycle": one_cycle(),
    "one_cycle-linear": one_cycle(anneal_strategy="linear", pct_start=0.25, div_factor=10,
                                  final_div_factor=100),
    "one_cycle-three": one_cycle(three_phase=True, pct_start=0.4),
    "cyclic": cyclic(step_size_up=20),
    "cyclic-2": cyclic(step_size_up=10, step_size_down=23, mode="triangular2"),
    "cyclic-exp": cyclic(step_size_up=15, mode="exp_range", gamma=0.99),
    "inverse_sqrt": inverse_sqrt(0, 10_000),
    "inverse_sqrt-warm": inverse_sqrt(20, 20),
    "inverse_sqrt-scale": inverse_sqrt(5, 64),
    "wsd": wsd(20, 100, 150, 0, "cosine"),
    "wsd-linear": wsd(0, 50, 100, 0.1, "linear"),
    "wsd-sqrt": wsd(10, 0, 200, 0.05, "1-sqrt"),
    "warmup": lambda o: s.SequentialLR(
        o, [s.LinearLR(o, start_factor=0.01, total_iters=25), s.CosineAnnealingLR(o, T_max=275)],
        milestones=[25]),
    "sequence": lambda o: s.SequentialLR(
        o, [s.ConstantLR(o, factor=0.1, total_iters=40), s.ExponentialLR(o, gamma=0.9),
            s.StepLR(o, step_size=25)],
        milestones=[40, 120]),
}


def rates(make):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=BASE)
    scheduler = make(optimizer)
    values = []
    for step in range(COUNT):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < COUNT:
            scheduler.step()
    return [values[step] for step in STEPS]


def main():
    warnings.simplefilter("ignore")
    lines = [f"# torch {torch.__version__.partition('+')[0]}, base {BASE}"]
    lines.append("steps " + " ".join(map(str, STEPS)))
    for name, make in SCHEDULES.items():
        lines.append(name + " " + " ".join(f"{value:.15g}" for value in rates(make)))
    path = pathlib.Path(__file__).with_name("schedules.txt")
    path.write_text("\n".join(lines) + "\n")


main()
