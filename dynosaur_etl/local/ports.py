"""Ports of the loopback interface: the wanted one where it is free, else another."""

import json
import socket
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from dynosaur_etl.domain.errors import StoreUnavailable

_NEXT_ONES = 50


@dataclass(frozen=True)
class Ports:
    """Where the web server and the two servers of task logs listen."""

    ui: int
    worker_logs: int
    trigger_logs: int


def free_port(wanted: int = 0, avoid: Collection[int] = ()) -> int:
    """Give `wanted` or the next free port after it; for 0 any free port.

    `avoid` are ports that are promised to others who do not listen on them yet.

    Raises:
        StoreUnavailable: the wanted one and the fifty after it are taken.
    """
    for port in range(wanted, min(wanted + _NEXT_ONES, 65535) + 1) if wanted else (0,):
        if port in avoid:
            continue
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise StoreUnavailable(f"ports {wanted} to {wanted + _NEXT_ONES} are all taken; set another")


def remembered_ports(file: Path) -> Ports | None:
    """Give the ports of the system that is up; None where none was started."""
    try:
        return Ports(**json.loads(file.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def choose_ports(file: Path, wanted_ui: int) -> Ports:
    """Choose free ports and remember them in `file`."""
    ports = Ports(ui=free_port(wanted_ui), worker_logs=free_port(), trigger_logs=free_port())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(ports)))
    return ports
