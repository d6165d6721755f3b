"""What is done to an installation while a command runs in it, or between two commands."""

import contextlib
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import psycopg

from tests.chaos.commands import Command
from tests.chaos.world import World

Fault = Callable[[World, Command, Random], None]


def kill(world: World, command: Command, rng: Random) -> None:
    _signal(command, signal.SIGKILL)


def terminate(world: World, command: Command, rng: Random) -> None:
    _signal(command, signal.SIGTERM)


def freeze(world: World, command: Command, rng: Random) -> None:
    _signal(command, signal.SIGSTOP)
    time.sleep(rng.uniform(0.1, 1.0))
    _signal(command, signal.SIGCONT)


def cut_connections(world: World, command: Command, rng: Random) -> None:
    with world.database.admin() as admin:
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname like 'chaos_%'"
        )


def kill_postmaster(world: World, command: Command, rng: Random) -> None:
    world.database.kill()
    time.sleep(rng.uniform(0, 0.5))
    world.database.host()


def exhaust_connections(world: World, command: Command, rng: Random) -> None:
    host = world.database.host()
    with contextlib.ExitStack() as held:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                held.enter_context(psycopg.connect(host=host, user="postgres"))
        time.sleep(rng.uniform(0.2, 0.8))


def fill_disk(world: World, command: Command, rng: Random) -> None:
    """Let no file of the process grow any more."""
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(command.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def take_handles(world: World, command: Command, rng: Random) -> None:
    """Let the process open no further file or connection."""
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(command.pid, resource.RLIMIT_NOFILE, (3, 4096))


def fail_requests(world: World, command: Command, rng: Random) -> None:
    world.fail_requests(rng.choice([0.05, 0.2, 0.5]))


def run_twice(world: World, command: Command, rng: Random) -> None:
    world.start(*command.words).end()


def collect_garbage(world: World, command: Command, rng: Random) -> None:
    world.start("gc", "--older-than", "0").end()


def audit_beside(world: World, command: Command, rng: Random) -> None:
    world.start("audit").end()


def lose_caches(world: World, command: Command, rng: Random) -> None:
    for name in ("cache", "samples-cache", "hub"):
        shutil.rmtree(world.home / name, ignore_errors=True)


BESIDE: dict[str, Fault] = {
    "kill": kill,
    "terminate": terminate,
    "freeze": freeze,
    "cut-connections": cut_connections,
    "kill-postmaster": kill_postmaster,
    "exhaust-connections": exhaust_connections,
    "fill-disk": fill_disk,
    "take-handles": take_handles,
    "fail-requests": fail_requests,
    "run-twice": run_twice,
    "gc-beside": collect_garbage,
    "audit-beside": audit_beside,
    "lose-caches": lose_caches,
}
"""Faults while a command runs."""


def flip(path: Path, rng: Random) -> None:
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def truncate(path: Path, rng: Random) -> None:
    os.truncate(path, rng.randrange(path.stat().st_size))


def remove(path: Path, rng: Random) -> None:
    path.unlink()


DAMAGE: dict[str, Callable[[Path, Random], None]] = {
    "flip": flip,
    "truncate": truncate,
    "remove": remove,
}
"""Damage to a file of the store; `dynosaur repair` mends it."""


def _signal(command: Command, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(command.pid, number)
