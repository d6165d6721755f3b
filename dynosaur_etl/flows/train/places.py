"""Where sets, models, runs and experiments lie, by the settings and by what a user names."""

import re
from dataclasses import dataclass
from pathlib import Path

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.runtime.version_records import version_record
from dynosaur_etl.inference.packaged import PREFIX, local_model
from dynosaur_etl.settings import Settings
from dynosaur_etl.snapshots.publish import open_folder, snapshot_path
from dynosaur_etl.store.storage import Storage
from dynosaur_etl.training.loading import ModelFolder, find_model
from dynosaur_etl.training.runs import RunFolder
from dynosaur_etl.training.sets import Example, ExampleSet, is_version, read_set
from dynosaur_etl.training.task_folders import read_tasks

HELD_OUT = "held-out"
_VERSION = re.compile(r"v?\d{1,9}")


@dataclass(frozen=True)
class Places:
    """The folders under the home that training uses."""

    home: Path

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def cache(self) -> Path:
        """What can be computed again, such as the lower states of a model."""
        return self.home / "cache"

    @property
    def experiments(self) -> Path:
        return self.home / "experiments"


def places(settings: Settings) -> Places:
    """Return where training keeps its files."""
    return Places(settings.home)


def set_folder(target: str, settings: Settings) -> Path:
    """Return the folder or file that a user names: a version of the store, or a path.

    Raises:
        InvalidInput: there is no such version and no such path.
    """
    if _VERSION.fullmatch(target) and not Path(target).exists():
        return _version_folder(int(target.removeprefix("v")), settings)
    if not Path(target).exists():
        allowed = "a version such as v0007, or a folder or file that exists"
        raise InvalidInput(not_allowed("set", target, allowed))
    return Path(target)


def _version_folder(version: int, settings: Settings) -> Path:
    """Return the files of a version; the database is asked only where they are another one's."""
    storage = Storage(settings.storage)
    if storage.exists(snapshot_path(version)):
        return open_folder(storage, snapshot_path(version))
    with open_services(settings) as services:
        return open_folder(storage, version_record(version, services).path)


def training_set(folder: Path) -> ExampleSet:
    """Read what is trained on, and make sure that nothing held out is in it.

    Raises:
        InvalidInput: a task of the version's held-out part is in its training part; or as for
            `read_set`.
    """
    found = read_set(folder)
    for example in held_out(folder):
        if example.task in found.tasks:
            allowed = "no task of the split `test`"
            raise InvalidInput(not_allowed(f"tasks of {found.name}", example.task, allowed))
    return found


def held_out(folder: Path) -> tuple[Example, ...]:
    """Return the held-out part of a version; nothing where it has none, or is no version."""
    if not is_version(folder) or not any(folder.glob("data/test-*")):
        return ()
    return read_set(folder, "test").examples


def evaluation_set(
    name: str, settings: Settings, version: Path | None, per_task: int = 0
) -> ExampleSet:
    """Read an evaluation set.

    Args:
        name: `held-out`, a file or folder, a folder of tasks, or `packaged:NAME`.
        settings: that know the home.
        version: folder whose held-out part is meant.
        per_task: most examples of a task, of a folder of tasks; 0 for all.

    Raises:
        InvalidInput: there is no such set, or the version holds nothing out.
    """
    if name == HELD_OUT:
        if version is None or not held_out(version):
            allowed = "a version that was made with DYNOSAUR_HELD_OUT_SHARE above 0"
            raise InvalidInput(not_allowed(HELD_OUT, str(version or "no version"), allowed))
        return read_set(version, "test")
    folder = Path(local_model(name, settings.home))
    if not folder.exists():
        raise InvalidInput(not_allowed("evaluation set", name, "held-out, or a path that exists"))
    if name.startswith(PREFIX) or _is_task_folder(folder):
        return read_tasks(folder, per_task, settings.seed)
    return read_set(folder)


def named_model(name: str, settings: Settings, revision: str = "") -> ModelFolder:
    """Find a model: a run's, `packaged:NAME`, a folder, or one of the Hub.

    Raises:
        InvalidInput: nothing is named, or what is named has no weights.
    """
    if not name:
        raise InvalidInput(not_allowed("model", name, "a Hub id, a folder, or packaged:NAME"))
    run = _run_named(name, settings)
    if run is not None:
        return find_model(run.model)
    return find_model(local_model(name, settings.home), revision)


def _run_named(name: str, settings: Settings) -> RunFolder | None:
    folder = places(settings).runs / name
    run = RunFolder(folder)
    return run if folder.parent == places(settings).runs and run.is_done else None


def _is_task_folder(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    return (folder / "tasks").is_dir() or any(folder.rglob("task.json"))
