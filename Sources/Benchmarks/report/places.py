"""Where programs are."""

import os
import pathlib
import shutil

BENCHMARKS = pathlib.Path(__file__).resolve().parents[1]
ROOT = BENCHMARKS.parents[1]

FASTAPI = BENCHMARKS / "Peers" / "fastapi" / "app.py"
REQUIREMENTS = BENCHMARKS / "Peers" / "fastapi" / "requirements.txt"
# An interpreter that has them; None when there is none.
PEERS_PYTHON = os.environ.get("PEERS_PYTHON")

HUMMINGBIRD_SOURCES = BENCHMARKS / "Peers" / "hummingbird-peer"
HUMMINGBIRD = HUMMINGBIRD_SOURCES / ".build" / "release" / "hummingbird-peer"

COMPARE_TORCH = BENCHMARKS / "Engine" / "compare_torch.py"


def nginx():
    """Debian keeps it where only root's PATH leads."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
