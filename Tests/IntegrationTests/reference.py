"""PyTorch's Adam in NumPy, one operation and one rounding at a time.

It shares no code with the service and is as plain as the formulas, so equal bits mean something.
Scalars are folded in double precision and narrowed once; there is no fused multiply-add.
"""

import math

import numpy as np


class Adam:
    """One parameter vector and its moments; `decoupled` makes it AdamW."""

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0,
                 amsgrad=False, maximize=False, decoupled=False):
        self.parameters = np.array(parameters)
        self.real = self.parameters.dtype.type
        self.lr, self.betas, self.eps = lr, betas, eps
        self.weight_decay, self.decoupled = weight_decay, decoupled
        self.amsgrad, self.maximize = amsgrad, maximize
        self.exp_avg = np.zeros_like(self.parameters)
        self.exp_avg_sq = np.zeros_like(self.parameters)
        self.max_exp_avg_sq = np.zeros_like(self.parameters)
        self.step_count = 0

    def step(self, gradient, lr=None, grad_scale=None, clip_coef=None):
        lr = self.lr if lr is None else lr
        real, p = self.real, self.parameters
        beta1, beta2 = self.betas
        self.step_count += 1
        correction1 = 1 - beta1**self.step_count
        correction2 = 1 - beta2**self.step_count

        g = np.array(gradient, dtype=p.dtype)
        if grad_scale is not None:
            g = g / real(grad_scale)
        if clip_coef is not None:
            g = g * real(clip_coef)
        if self.maximize:
            g = -g
        if self.weight_decay != 0:
            if self.decoupled:
                p = p * real(1 - lr * self.weight_decay)
            else:
                g = g + real(self.weight_decay) * p

        m, v = self.exp_avg, self.exp_avg_sq
        weight = 1 - beta1
        if weight < 0.5:
            m = m + real(weight) * (g - m)
        else:
            m = g - (g - m) * real(1 - weight)
        v = v * real(beta2) + (real(1 - beta2) * g) * g
        self.exp_avg, self.exp_avg_sq = m, v
        if self.amsgrad:
            v = self.max_exp_avg_sq = np.maximum(self.max_exp_avg_sq, v)

        denominator = np.sqrt(v) / real(math.sqrt(correction2)) + real(self.eps)
        self.parameters = p + (real(-(lr / correction1)) * m) / denominator
        return self.parameters


def grad_norm(gradients):
    """L2 norm over all tensors, in double precision."""
    return math.sqrt(sum(float(np.sum(np.square(g, dtype=np.float64))) for g in gradients))


def clip_coefficient(norm, max_norm):
    """torch.nn.utils.clip_grad_norm_'s factor."""
    return min(1.0, max_norm / (norm + 1e-6))
