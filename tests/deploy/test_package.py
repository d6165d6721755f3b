"""The wheel: what it holds, what its extras say, and what works with its dependencies alone."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.xdist_group("package")  # one wheel is enough

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
NOT_IN_THE_WHOLE = {"cluster", "s3", "train"}


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def listed(file: str) -> set[str]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines())
    return names([line for line in lines if line])


def test_requirements_are_those_of_the_package_and_its_extras() -> None:
    whole = names(PROJECT["dependencies"]).union(
        *(names(found) for name, found in EXTRAS.items() if name not in NOT_IN_THE_WHOLE)
    )
    assert listed("requirements.txt") == whole
    for extra in ("cluster", "train"):
        assert listed(f"requirements-{extra}.txt") == names(EXTRAS[extra])
    assert "torch==2.13.0" in PROJECT["dependencies"]


def test_what_is_installed_is_pinned_extra_by_extra() -> None:
    pinned = listed("constraints.txt")
    for extra in ("cluster", "train"):
        assert names(EXTRAS[extra]) <= pinned


def closure(requirements: list[str]) -> Iterator[Distribution]:
    """Yield what pip would install for requirements, of what is installed here."""
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        asked = waiting.pop()
        for extra in ("", *sorted(asked.extras)):
            name = canonicalize_name(asked.name)
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            found = distribution(name)
            yield found
            for text in found.requires or []:
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    waiting.append(needed)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and its dependencies, and nothing of the extras."""
    folder = tmp_path_factory.mktemp("clean")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "dynosaur_etl", folder / "dynosaur_etl", ignore=unwanted)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, folder], check=True
    )
    [wheel] = folder.glob("dynosaur_etl-*.whl")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    [packages] = (folder / "venv" / "lib").glob("python*/site-packages")
    subprocess.run([*pip, "--python", python, "install", "--quiet", "--no-deps", wheel], check=True)
    for found in closure(PROJECT["dependencies"]):
        for top in {file.parts[0] for file in found.files or [] if ".." not in file.parts}:
            if top != "__pycache__" and not (packages / top).exists():
                (packages / top).symlink_to(Path(str(found.locate_file(top))))
    return folder / "venv" / "bin"


def run(clean: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [clean / "python", "-I", *arguments],
        cwd=cwd, env=kept, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_nothing_of_the_extras_is_there(clean: Path, tmp_path: Path) -> None:
    probe = "import airflow"
    assert "No module named 'airflow'" in run(clean, "-c", probe, cwd=tmp_path).stderr
    probe = "import sqlalchemy"
    assert "No module named 'sqlalchemy'" in run(clean, "-c", probe, cwd=tmp_path).stderr
    probe = "import dynosaur_etl; print(dynosaur_etl.__file__)"
    assert str(clean.parent) in run(clean, "-c", probe, cwd=tmp_path).stdout


def test_a_file_is_selected_from(clean: Path, tmp_path: Path) -> None:
    rows = [{"instruction": f"Name {n} of the {n % 7}", "output": str(n)} for n in range(40)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    ended = run(
        clean, "-m", "dynosaur_etl", "select", "rows.jsonl", "-k", "6", "--json", cwd=tmp_path
    )
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    assert told["rows"]["eligible"] == 40
    assert told["selected"] == 6
    assert (tmp_path / "selection" / "report.html").is_file()


@pytest.mark.parametrize("command", ["poll", "grow", "status", "doctor"])
def test_a_command_says_which_extra_it_lacks(clean: Path, tmp_path: Path, command: str) -> None:
    ended = run(clean, "-m", "dynosaur_etl", command, "--json", cwd=tmp_path)
    assert ended.returncode == 3, ended.stderr
    assert "pip install 'dynosaur-etl[etl]'" in json.loads(ended.stdout)["error"]["message"]
    assert "Traceback" not in ended.stderr


def test_the_command_line_is_imported_at_once(clean: Path, tmp_path: Path) -> None:
    times = []
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ended = run(clean, "-c", "import dynosaur_etl.cli.main", cwd=tmp_path)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert ended.returncode == 0, ended.stderr
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.5, "seconds of processor time"
