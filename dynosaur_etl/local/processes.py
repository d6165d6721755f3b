"""Processes that outlive the command which started them, told apart from strangers for certain.

A process is started as the leader of a session of its own, inside a working folder that belongs
to one home. Its record holds the process id and the time of its start, so that a recycled id is
never taken for it. What the leader leaves behind when it dies is found by session and folder.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

CLOCK_STEP = 3.0
GRACE_SECONDS = 25.0
_started_here: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Command:
    """What is run.

    Attributes:
        fingerprint: digest of whatever the process must be restarted for when it changes.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    fingerprint: str = ""


@dataclass(frozen=True)
class ProcessRecord:
    """A started process; `started` is in seconds since the epoch."""

    pid: int
    started: float
    fingerprint: str


class ProcessFolder:
    """The processes of one home: records and logs in `folder`, which is their working folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def names(self) -> list[str]:
        """Give the name of every process on record, running or not."""
        return sorted(path.stem for path in self.folder.glob("*.process"))

    def record(self, name: str) -> ProcessRecord | None:
        """Give the record of a process; None where there is none that can be read."""
        try:
            return ProcessRecord(**json.loads(self._file(name).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def is_running(self, name: str) -> bool:
        record = self.record(name)
        return record is not None and _is_leader_alive(record)

    def start(self, command: Command) -> bool:
        """Start a process unless it runs already with the same fingerprint.

        Returns:
            True where a new process was started.
        """
        record = self.record(command.name)
        if record is not None:
            if _is_leader_alive(record) and record.fingerprint == command.fingerprint:
                return False
            self.stop([command.name])
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._keep(command.name, _spawn(command, self.folder, self.log(command.name)))
        return True

    def stop(self, names: Sequence[str], grace: float = GRACE_SECONDS) -> list[str]:
        """End processes and everything they started: SIGTERM, then SIGKILL after `grace` seconds.

        Returns:
            The names of those that were running.
        """
        records = {name: record for name in names if (record := self.record(name)) is not None}
        alive = {name: list(self._members(record)) for name, record in records.items()}
        for record in records.values():
            if _is_leader_alive(record):
                _send(record.pid, signal.SIGTERM)
        self._await_end(list(records.values()), grace)
        for name in names:
            self._file(name).unlink(missing_ok=True)
        return [name for name, members in alive.items() if members]

    def tail(self, name: str, lines: int = 15) -> str:
        """Give the last lines of a process's log."""
        try:
            text = self.log(name).read_text(errors="replace")
        except FileNotFoundError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"

    def _await_end(self, records: Sequence[ProcessRecord], grace: float) -> None:
        end = time.monotonic() + grace
        while any(map(_is_leader_alive, records)) and time.monotonic() < end:
            time.sleep(0.1)
        end = time.monotonic() + grace
        while left := [pid for record in records for pid in self._members(record)]:
            for pid in left:
                _send(pid, signal.SIGKILL)
            if time.monotonic() > end:
                return
            time.sleep(0.1)

    def _members(self, record: ProcessRecord) -> Iterator[int]:
        """Find the living processes of a session: its leader, and all that share its folder."""
        _reap()
        if psutil.pid_exists(record.pid) and not _is_leader_or_its_remains(record):
            return  # the number was given to a stranger, so the session is gone
        for pid in psutil.pids():
            if _session_of(pid) == record.pid and self._works_here(pid):
                yield pid

    def _works_here(self, pid: int) -> bool:
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return process.cwd() == str(self.folder.resolve())
        except psutil.Error:
            return False

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.process"

    def _keep(self, name: str, record: ProcessRecord) -> None:
        partial = self._file(name).with_suffix(".partial")
        partial.write_text(json.dumps(asdict(record)))
        partial.replace(self._file(name))


def _spawn(command: Command, folder: Path, log: Path) -> ProcessRecord:
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command.arguments,
            env=dict(command.environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _started_here.append(process)
    try:
        started = psutil.Process(process.pid).create_time()
    except psutil.NoSuchProcess:
        started = time.time()
    return ProcessRecord(process.pid, started, command.fingerprint)


def _reap() -> None:
    """Collect the ended children of this very process; all others are collected by init."""
    _started_here[:] = [process for process in _started_here if process.poll() is None]


def _is_leader_alive(record: ProcessRecord) -> bool:
    _reap()
    try:
        process = psutil.Process(record.pid)
        return _is_leader_or_its_remains(record) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_leader_or_its_remains(record: ProcessRecord) -> bool:
    try:
        return abs(psutil.Process(record.pid).create_time() - record.started) < CLOCK_STEP
    except psutil.Error:
        return False


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
