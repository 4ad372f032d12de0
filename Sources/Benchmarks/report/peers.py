"""Makes the peers that have to be made, and says why one is missing."""

import subprocess
import sys

from report import places

NO_PYTHON = "PEERS_PYTHON is not set"
NO_HUMMINGBIRD = "Hummingbird is not built; see --make-peers"
NO_NGINX = "nginx is not installed"


def make(directory):
    """A virtual environment with what FastAPI's side needs, and Hummingbird's program."""
    subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    python = directory.resolve() / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "-r", places.REQUIREMENTS], check=True)
    subprocess.run(
        ["swift", "build", "-c", "release", "--package-path", places.HUMMINGBIRD_SOURCES],
        check=True)
    print(f"\nThe peers are made. For the comparisons with FastAPI and torch:\n"
          f"export PEERS_PYTHON={python}")
    return 0
