"""A statsd server that keeps the newest value of each metric that it is told."""

import socket
from functools import cache
from threading import Thread


class MetricsListener:
    """Listens on a free UDP port of the loopback interface; `values` are by full name."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        Thread(target=self._listen, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """What makes Airflow send its metrics here."""
        return {
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(self._socket.getsockname()[1]),
        }

    def _listen(self) -> None:
        while True:
            for line in self._socket.recv(65_536).decode().splitlines():
                name, _, rest = line.partition(":")
                self.values[name] = float(rest.partition("|")[0])


@cache
def metrics_listener() -> MetricsListener:
    """Give the listener of this process."""
    return MetricsListener()
