"""Reading what only `datasets` reads, by its streaming, in a process of its own with a time limit.

The process gets the addresses of files of the pinned revision and the name of a packaged builder,
never a repository, so that neither a card's patterns nor a loading script is looked at. It gets no
variables of this process's environment but those that name a proxy and certificates, and it is
killed at the limit. `dynosaur_etl.hub.stream_child` is what it runs.
"""

import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore
from typing import Any
from urllib.request import getproxies

import pyarrow as pa

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable, not_allowed
from dynosaur_etl.domain.models import Revision
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import ConfigFiles
from dynosaur_etl.hub.file_draw import ReadFile, SplitReading, drawn_files

MAX_RECORDS = 5_000
MAX_BYTES = 64_000_000
MAX_FILES = 32
"""Of a config; of more, some are read, spread over all by the seed."""

ROWS_FILE = "rows.arrow"
OUTCOME_FILE = "outcome.json"

_SAFE_PATH = re.compile(r"[\w ./,()+=@&'-]+")
_processes = BoundedSemaphore(2)  # each takes a core and some hundred megabytes


@dataclass(frozen=True)
class StreamedRows:
    """Rows in the order of the files, and where each of them stands.

    Attributes:
        table: without rows where its features drop the config.
        places: of each row, its split and its number in it.
        reading: what was read of each split.
    """

    table: pa.Table
    places: list[tuple[str, int]]
    reading: dict[str, SplitReading]


def stream_rows(
    client: HubClient, revision: Revision, files: ConfigFiles, seconds: float, draw: Random
) -> StreamedRows:
    """Stream the first rows of files: at most 5,000 and 64 MB in all, shared out evenly.

    One request at a time is sent, in one of the client's places, and counted with its requests as
    `stream`.

    Args:
        client: the Hub.
        revision: what the dataset is pinned to.
        files: the config's files, of a format that is not read here.
        seconds: after which the process is killed.
        draw: of the seed; it chooses the files where there are many.

    Raises:
        HubRefused: ROWS_UNREADABLE; `datasets` cannot read the files, or not within the limit.
        HubUnavailable: the Hub gives no usable answer.
    """
    chosen = {
        split: [file.path for file in shards]
        for split, shards in drawn_files(files.splits, draw, MAX_FILES, large=1).items()
        if shards
    }
    number = sum(map(len, chosen.values()))
    _require_safe(path for paths in chosen.values() for path in paths)
    job = {
        "endpoint": client.endpoint,
        "token": client.token,
        "timeout": client.timeout,
        "seconds": seconds,
        "dataset": revision.dataset_id,
        "revision": revision.sha,
        "format": files.format,
        "options": dict(files.options),
        "features": files.features,
        "paths": list(chosen.values()),
        "most_records": max(MAX_RECORDS // number, 1),
        "most_bytes": MAX_BYTES // number,
    }
    with TemporaryDirectory(prefix="dynosaur-stream-") as folder, _processes, client.permits:
        _run(job, Path(folder), client.endpoint)
        outcome = _outcome(Path(folder), client)
        with pa.memory_map(str(Path(folder) / ROWS_FILE)) as source:
            table = pa.ipc.open_file(source).read_all()
        return _placed(_copied(table), chosen, outcome["read"], files)


def is_safe(path: str) -> bool:
    """Tell whether a path means one file: neither a pattern nor a chain of addresses."""
    return _SAFE_PATH.fullmatch(path) is not None and ".." not in path.split("/")


def _require_safe(paths: Any) -> None:
    odd = next((path for path in paths if not is_safe(path)), None)
    if odd is not None:
        allowed = "letters, digits, spaces and ./,()+=@&'-_"
        words = not_allowed("name of a file to stream", odd[:200], allowed)
        raise HubRefused(words, Reason.ROWS_UNREADABLE)


def _run(job: Mapping[str, Any], folder: Path, endpoint: str) -> None:
    command = [sys.executable, "-m", "dynosaur_etl.hub.stream_child", str(folder)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=_environment(folder, endpoint),
        start_new_session=True,
    ) as process:
        try:
            process.communicate(json.dumps(job).encode(), timeout=job["seconds"])
        except subprocess.TimeoutExpired:
            words = not_allowed("streaming", "no end", f"{job['seconds']:.0f} seconds")
            raise HubRefused(words, Reason.ROWS_UNREADABLE) from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _environment(folder: Path, endpoint: str) -> dict[str, str]:
    """Name everything that the process may know; the settings' secrets are not among it."""
    proxies = {f"{scheme}_proxy": address for scheme, address in getproxies().items()}
    certificates = ssl.get_default_verify_paths().cafile
    return {
        **proxies,
        **({"SSL_CERT_FILE": certificates} if certificates else {}),
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "HOME": str(folder),
        "HF_HOME": str(folder / "hf"),
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_UPDATE_DOWNLOAD_COUNTS": "0",
    }


def _outcome(folder: Path, client: HubClient) -> dict[str, Any]:
    """Read what the process came to; it raises what went wrong there.

    Raises:
        HubRefused, HubUnavailable: as `stream_rows`.
    """
    told = folder / OUTCOME_FILE
    if not told.is_file():
        raise HubRefused("streaming: the process ended without a word", Reason.ROWS_UNREADABLE)
    outcome: dict[str, Any] = json.loads(told.read_text())
    client.count(outcome["requests"])
    if outcome["unavailable"]:
        raise HubUnavailable(f"streaming: {outcome['unavailable']}")
    if outcome["refused"]:
        raise HubRefused(f"streaming: {outcome['refused']}", Reason(outcome["reason"]))
    return outcome


def _copied(table: pa.Table) -> pa.Table:
    """Take a table out of the file that it is mapped from."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_file(sink.getvalue()).read_all()


def _placed(
    table: pa.Table,
    chosen: Mapping[str, Sequence[str]],
    read: Sequence[tuple[int, bool]],
    files: ConfigFiles,
) -> StreamedRows:
    outcomes = iter(read)
    places: list[tuple[str, int]] = []
    reading = {split: SplitReading(len(shards), ()) for split, shards in files.splits.items()}
    for split, paths in chosen.items():
        of_split = [
            ReadFile(path, rows, bool(whole))
            for path, (rows, whole) in zip(paths, outcomes, strict=False)
        ]
        reading[split] = SplitReading(len(files.splits[split]), tuple(of_split))
        places += [(split, number) for number in range(sum(file.rows for file in of_split))]
    return StreamedRows(table, places, reading)
