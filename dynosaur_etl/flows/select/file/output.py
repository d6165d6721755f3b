"""A folder that appears whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dynosaur_etl.domain.errors import InvalidInput, StoreUnavailable, not_allowed


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to write to, which becomes `target` when nothing is raised.

    It is made beforehand, so that a place that cannot be written to is refused before any work.

    Raises:
        InvalidInput: `target` holds something, or cannot be made where it is asked for.
        StoreUnavailable: there was no room for what was written.
    """
    place = target.resolve()
    if place.is_dir() and any(place.iterdir()):
        raise InvalidInput(not_allowed("output folder", str(target), "a new or an empty one"))
    if place.exists() and not place.is_dir():
        raise InvalidInput(not_allowed("output folder", f"the file {target}", "a folder"))
    above = next(folder for folder in place.parents if folder.exists())
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=above))
    except OSError as e:
        raise InvalidInput(f"output folder: received {str(target)!r}: {e}") from e
    try:
        folder = draft / "folder"
        folder.mkdir()
        yield folder
        place.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(place)
    except OSError as e:
        raise StoreUnavailable(f"output folder {str(target)!r} could not be written: {e}") from e
    finally:
        shutil.rmtree(draft, ignore_errors=True)
