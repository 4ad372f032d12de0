"""The engine's committed vectors from PyTorch, for tests that go over the wire.

Tests/OptimizerEngineTests/Golden/README.md has the format.
"""

from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).resolve().parents[1] / "OptimizerEngineTests" / "Golden"
MASK = (1 << 64) - 1
REALS = {"f32": np.dtype("<f4"), "f64": np.dtype("<f8")}
BITS = {"f32": np.dtype("<u4"), "f64": np.dtype("<u8")}


class SplitMix:
    """Numbers that are exact in F32, as the vectors' makers draw them."""

    def __init__(self, seed):
        self.state = seed

    def value(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        bits = z ^ (z >> 31)
        return ((bits >> 40) / 8388608 - 1) / (1 << (bits & 7))

    def array(self, count, real):
        return np.array([self.value() for _ in range(count)], real)


class Case:
    """One run: what it was made with, and the bits of everything at its end."""

    FLAGS = ("amsgrad", "maximize", "nesterov", "centered", "decoupled_weight_decay")

    def __init__(self, words):
        self.words = words
        self.precision = words.pop("precision")
        self.count, self.steps = int(words.pop("count")), int(words.pop("steps"))
        self.random = SplitMix(int(words.pop("seed")))
        self.real = REALS[self.precision]
        rows = int(words.pop("rows", 0))
        self.shape = [rows, self.count // rows] if rows else [self.count]
        self.start = self.random.array(self.count, self.real)
        self.ends = {}

    @property
    def optimizer(self):
        return {name: self._value(name, word) for name, word in self.words.items()}

    def gradients(self):
        for _ in range(self.steps):
            yield self.random.array(self.count, self.real)

    def _value(self, name, word):
        if name in ("type", "adjust_lr_fn"):
            return word
        if name in self.FLAGS:
            return word == "1"
        if name == "ns_steps":
            return int(word)
        numbers = [float.fromhex(number) for number in word.split(",")]
        return numbers if name in ("betas", "ns_coefficients") else numbers[0]

    def __str__(self):
        options = [f"{name}={value}" for name, value in self.optimizer.items() if name != "type"]
        return " ".join([self.words["type"], self.precision, str(self.shape), *options])


def cases(file):
    found = []
    for line in (GOLDEN / file).read_text(encoding="ascii").splitlines()[1:]:
        first, *rest = line.split()
        if first == "case":
            found.append(Case(dict(word.split("=") for word in rest)))
            continue
        case = found[-1]
        bits = BITS["f64" if first == "mu_product" else case.precision]
        case.ends[first] = np.array([int(word, 16) for word in rest], bits)
    return found
