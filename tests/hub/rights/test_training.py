"""The packaged weights decide as those that the wordings give."""

import subprocess
import sys

import pytest

from labels.licences.expand import expand
from labels.licences.train import HERE, read_wordings
from tests.flows.support import ROOT


@pytest.mark.timeout(1200)
def test_training_again_decides_as_the_packaged_weights_do() -> None:
    command = [sys.executable, "-m", "labels.licences.train", "--check"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout


def test_alternatives_are_written_out() -> None:
    assert expand("{For/Only for} {research/teaching}{/ use}.", most=100) == [
        "For research.", "Only for research.", "For teaching.", "Only for teaching.",
        "For research use.", "Only for research use.", "For teaching use.",
        "Only for teaching use.",
    ]  # fmt: skip
    some = expand("{a/b/c/d} {1/2/3/4} {x/y/z}", most=12)
    assert len(some) == 12
    assert {word for text in some for word in text.split()} == set("abcd1234xyz")


def test_no_wording_that_is_measured_is_trained_on() -> None:
    trained = {
        text.lower() for item in read_wordings("restrictions.tsv") for text in expand(item.text)
    }
    measured = {item.text.lower() for item in read_wordings("held_out.tsv")}
    assert len(measured & trained) <= 4, "as short as `Prior permission is required.`"


def test_every_file_of_wordings_is_well_formed() -> None:
    labels = {"restricts", "none", "applies", "elsewhere"}
    for path in sorted(HERE.glob("*.tsv")):
        if path.name != "recorded.tsv":
            wordings = read_wordings(path.name)
            assert wordings
            assert {item.label for item in wordings} <= labels, path
