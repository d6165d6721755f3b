"""The Makefile's targets that can be tried without installing or starting anything."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-f", str(MAKEFILE), *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A checkout where the virtual environment is complete, with programs that tell their name."""
    needed = ("requirements.txt", "constraints.txt", "requirements-dev.txt", "pyproject.toml")
    for name in (*needed, "requirements-s3-server.txt", "requirements-train.txt"):
        (tmp_path / name).write_text("")
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "dynosaur", "ruff", "mypy"):
        (programs / name).write_text(f'#!/bin/sh\necho "ran {name} $*"\n')
        (programs / name).chmod(0o755)
    for stamp in (".product-is-installed", ".training-is-installed", ".tests-are-installed"):
        (tmp_path / ".venv" / stamp).write_text("")
    return tmp_path


def test_help_lists_every_public_target(tmp_path: Path) -> None:
    shown = make(tmp_path, "help").stdout
    targets = re.findall(r"^([a-z]+):.*##", MAKEFILE.read_text(), re.MULTILINE)
    assert {"setup", "demo", "up", "stop", "clean", "test", "lint", "types", "bench"} <= set(
        targets
    )
    for target in targets:
        assert re.search(rf"^  make {target} +\S", shown, re.MULTILINE)


def test_a_complete_environment_is_not_installed_again(installed: Path) -> None:
    ended = make(installed, "setup")
    assert ended.returncode == 0
    assert "ran" not in ended.stdout


def test_the_build_of_torch_is_chosen_on_purpose(installed: Path) -> None:
    (installed / ".venv" / ".product-is-installed").unlink()
    (installed / "constraints.txt").write_text("numpy==9\ntorch==2.13.0\ntorchless==1\n")
    shown = make(installed, "setup", "TORCH_INDEX=https://index.example/cpu").stdout
    chosen = [line for line in shown.splitlines() if line.startswith("ran ")]
    assert chosen[0].endswith("--no-deps --index-url https://index.example/cpu torch==2.13.0")
    assert chosen[1].endswith("-r requirements.txt -c constraints.txt")
    (installed / ".venv" / ".product-is-installed").unlink()
    assert "--index-url" not in make(installed, "setup").stdout


def test_changed_requirements_are_installed_again(installed: Path) -> None:
    stamp = installed / ".venv" / ".product-is-installed"
    newer = stamp.stat().st_mtime + 5
    os.utime(installed / "constraints.txt", (newer, newer))
    assert "-r requirements.txt -c constraints.txt" in make(installed, "setup").stdout


def test_the_tests_of_training_have_what_they_need(installed: Path) -> None:
    (installed / ".venv" / ".training-is-installed").unlink()
    assert (
        "-r requirements-train.txt -c constraints.txt"
        in make(installed, "--dry-run", "test").stdout
    )


def test_up_without_settings_says_what_to_do(installed: Path) -> None:
    ended = make(installed, "up")
    assert ended.returncode != 0
    assert "cp .env.example .env" in ended.stderr
    (installed / ".env").write_text("")
    assert "ran dynosaur --env-file .env up" in make(installed, "up").stdout


def test_clean_stops_and_removes_all_state(installed: Path) -> None:
    (installed / ".dynosaur" / "demo").mkdir(parents=True)
    shown = make(installed, "clean").stdout
    assert "ran python -m dynosaur_etl.local.stop .dynosaur .dynosaur/demo" in shown
    assert not (installed / ".dynosaur").exists()


def test_stop_before_setup_is_no_error(tmp_path: Path) -> None:
    assert make(tmp_path, "stop").returncode == 0


@pytest.mark.skipif(shutil.which("dash") is None, reason="dash is not installed")
def test_recipes_run_in_a_plain_shell(installed: Path) -> None:
    shell = shutil.which("dash")
    assert make(installed, f"SHELL={shell}", "lint", "types", "stop").returncode == 0
