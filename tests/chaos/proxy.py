"""A server of its own process before a demo server, which fails a share of all requests.

python -m tests.chaos.proxy PORT TARGET RATE_FILE SEED

The file holds the share, and is read at each request; for each one that failed a line is added to
the file of the same name that ends in `.failed`.
"""

import sys
from pathlib import Path
from random import Random

from tests.snapshots.faulty_proxy import Faults, proxy


class FaultsOfFile(Faults):
    """Fails at the rate that a file tells of."""

    def __init__(self, path: Path, seed: int) -> None:
        super().__init__()
        self.path, self.random = path, Random(seed)

    def take(self, method: str, path: str) -> str | None:
        self.rate = float(self.path.read_text() or 0)
        fault = super().take(method, path)
        if fault is not None:
            with self.path.with_suffix(".failed").open("a") as failed:
                failed.write(f"{fault} {method} {path}\n")
        return fault


def main(port: str, target: str, rate_file: str, seed: str) -> None:
    server = proxy(target, FaultsOfFile(Path(rate_file), int(seed)), int(port))
    server.daemon_threads = True
    server.serve_forever(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
