"""Compares one step of engine-benchmark with torch.optim.Adam(fused=True) on as many threads.

    swift build -c release --product engine-benchmark
    python compare_torch.py .build/release/engine-benchmark [--threads K]

Rounds of both alternate, so that a change of the machine's speed meets both; the printed ratio is
torch's median over ours, above 1 when ours is faster. `apply` is the update alone, what torch's
step does; `step` adds the norm and the finite test that a session always takes. With --clip torch
runs clip_grad_norm_ before its step and the engine clips too. Without torch the comparison is left
out, which is said.
"""

import argparse
import statistics
import subprocess
import time
import warnings

warnings.filterwarnings("ignore")

try:
    import torch
except ImportError:
    torch = None

SIZES = [10_000, 100_000, 1_000_000, 10_000_000, 50_000_000]


class TorchRun:
    def __init__(self, variant, count, clip):
        torch.manual_seed(0)
        self.parameter = torch.nn.Parameter(torch.randn(count))
        self.gradient = torch.randn(count)
        self.parameter.grad = self.gradient.clone()
        make = torch.optim.AdamW if variant == "adamw" else torch.optim.Adam
        self.optimizer = make([self.parameter], amsgrad=variant == "amsgrad", fused=True)
        self.clip = clip

    def median(self, repeats):
        times = []
        for _ in range(repeats + 2):
            if self.clip is not None:
                self.parameter.grad.copy_(self.gradient)
            start = time.perf_counter_ns()
            if self.clip is not None:
                torch.nn.utils.clip_grad_norm_([self.parameter], self.clip)
            self.optimizer.step()
            times.append(time.perf_counter_ns() - start)
        return statistics.median(times[2:])


def engine_median(options, phase, variant, count, repeats):
    command = [options.program, "--nanoseconds", phase, "--n", str(count), "--variant", variant]
    command += ["--repeats", str(repeats), "--lanes", str(options.threads)]
    if options.clip is not None:
        command += ["--clip", str(options.clip)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="path of engine-benchmark, built for release")
    parser.add_argument("--n", type=int, nargs="+", default=SIZES)
    parser.add_argument("--variant", nargs="+", default=["adam", "adamw", "amsgrad"])
    parser.add_argument("--clip", type=float, help="largest norm of the gradients")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of torch, and lanes of the engine")
    options = parser.parse_args()
    if torch is None:
        print("left out: torch cannot be imported")
        return

    torch.set_num_threads(options.threads)
    capability = torch.backends.cpu.get_cpu_capability()
    threads = "1 thread" if options.threads == 1 else f"{options.threads} threads"
    print(f"torch {torch.__version__}, {capability}, {threads}; microseconds, medians")
    print("         n  variant     torch     apply  ratio      step  ratio")
    for count in options.n:
        repeats = max(5, min(200, 50_000_000 // count))
        for variant in options.variant:
            run = TorchRun(variant, count, options.clip)
            rounds = {"torch": [], "apply": [], "step": []}
            for _ in range(options.rounds):
                rounds["torch"].append(run.median(repeats))
                for phase in ("apply", "step"):
                    rounds[phase].append(
                        engine_median(options, phase, variant, count, repeats))
            torch_time, apply, step = (
                statistics.median(rounds[key]) / 1e3 for key in ("torch", "apply", "step"))
            print(
                f"{count:>10} {variant:>8} {torch_time:>9.1f} {apply:>9.1f} "
                f"{torch_time / apply:>6.2f} {step:>9.1f} {torch_time / step:>6.2f}")


if __name__ == "__main__":
    main()
