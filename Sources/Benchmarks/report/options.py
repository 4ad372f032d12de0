"""The command line."""

import argparse
import pathlib

from report import sections

PEERS_HELP = """
The FastAPI peer needs an interpreter that has what Peers/fastapi/requirements.txt lists, named by
the environment variable PEERS_PYTHON; --make-peers makes one. nginx is taken from the PATH.
"""


def parse(description):
    parser = argparse.ArgumentParser(description=description.splitlines()[0], epilog=PEERS_HELP)
    parser.add_argument(
        "--sections", type=names, default=sections.DEFAULT, metavar="NAME,NAME",
        help=f"what to measure, of {', '.join(sections.ALL)}; all but large unless named")
    parser.add_argument(
        "-n", type=positive, nargs="+", default=[1_000, 100_000, 1_000_000, 10_000_000],
        help="parameters of the steps in the section step")
    parser.add_argument(
        "--rounds", type=positive, default=3,
        help="fresh starts of the servers, whose median counts: where memory happens to lie moves "
        "one start by 10 per cent")
    parser.add_argument(
        "--programs", type=pathlib.Path, metavar="DIRECTORY",
        help="use the programs in this directory; do not build")
    parser.add_argument(
        "--output", type=pathlib.Path, metavar="FILE",
        help="also write everything measured to this file, as JSON; Sources/Benchmarks/plot "
        "draws it")
    parser.add_argument(
        "--make-peers", type=pathlib.Path, metavar="DIRECTORY",
        help="only make the peers: a virtual environment in this directory, and the Hummingbird "
        "program beside its sources")
    return parser.parse_args()


def names(text):
    chosen = text.split(",")
    for name in chosen:
        if name not in sections.ALL:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(sections.ALL)}")
    return [name for name in sections.ALL if name in chosen]


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value
