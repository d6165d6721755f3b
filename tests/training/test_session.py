"""Runs as they are started, killed and gone on with, by each trainer."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dynosaur_etl.domain.errors import InvalidInput, MissingExtra
from dynosaur_etl.inference import extra
from dynosaur_etl.training.loading import find_model, load_model
from dynosaur_etl.training.presets import PRESETS, TINY, find_preset
from dynosaur_etl.training.runs import RunFolder, list_runs
from dynosaur_etl.training.session import Job, run_job
from tests.house import ROOT
from tests.training.killed_run import METHODS, job
from tests.training.tiny import rows, small_set, tiny_llama, write_model, write_t5


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_model(tmp_path / "model")
    return tmp_path


def losses(run: RunFolder) -> list[tuple[int, float, float]]:
    return [(point["step"], point["loss"], point["tokens"]) for point in run.curve()]


@pytest.mark.parametrize("method", METHODS)
def test_a_run_that_was_killed_goes_on_to_the_same_losses(home: Path, method: str) -> None:
    whole = run_job(job(home, method), home / "undisturbed")
    steps = len(whole.curve())
    assert steps >= 8
    last = steps - 2
    ended = subprocess.run(
        [sys.executable, "-m", "tests.training.killed_run", str(home), method, str(last)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == -9, ended.stderr
    [killed] = list_runs(home / "runs")
    assert not killed.is_done
    assert len(killed.curve()) == last
    seen: list[float] = []
    run = run_job(job(home, method), home / "runs", lambda point: seen.append(point["step"]))
    assert 0 < len(seen) < steps, "it went on from a checkpoint"
    assert losses(run) == losses(whole)
    assert run.name == whole.name
    for kept, there in zip(weights(run), weights(whole), strict=True):
        assert kept.equal(there)


def weights(run: RunFolder) -> list[Any]:
    from safetensors.torch import load_file

    [file] = run.model.glob("*.safetensors")
    tensors = load_file(file)
    return [tensors[name] for name in sorted(tensors)]


@pytest.mark.parametrize("method", METHODS)
def test_a_run_learns_and_is_not_done_twice(home: Path, method: str) -> None:
    longer = replace(job(home, method), preset=METHODS[method].changed(epochs=12, rate=5e-3))
    run = run_job(longer, home / "runs")
    figures = run.manifest.figures
    assert figures["last_loss"] < 0.7 * figures["first_loss"]
    assert figures["steps"] == len(run.curve())
    assert figures["set_answer_tokens"] > 0
    assert run.manifest.plan == longer.plan
    seen: list[Any] = []
    assert run_job(longer, home / "runs", seen.append).name == run.name
    assert seen == []
    assert [one.name for one in list_runs(home / "runs")] == [run.name]


def test_all_that_decides_a_run_gives_it_another_name(home: Path) -> None:
    first = job(home, "full")
    other = small_set(23)
    changed = [
        replace(first, seed=4),
        replace(first, preset=TINY.changed(rate=2e-3)),
        replace(first, examples=replace(other, digest="1" * 64)),
        replace(first, weights="bfloat16"),
        replace(first, base_run="earlier"),
    ]
    names = {one.plan.run_name for one in [first, *changed]}
    assert len(names) == len(changed) + 1
    assert replace(first, cache=home / "elsewhere").plan.run_name == first.plan.run_name


def test_the_tokens_that_count_are_those_of_the_answers(home: Path) -> None:
    """The first loss that TRL logs is the mean over the answers' tokens of the first batch."""
    from dynosaur_etl.inference.answer_loss import answer_losses
    from dynosaur_etl.training.encoding import encode

    small = small_set(4)
    preset = TINY.changed(batch=4, device_batch=4, steps=1)
    run = run_job(Job(find_model(home / "model"), small, preset, home / "cache"), home / "runs")
    loaded = load_model(home / "model")
    texts = encode(loaded.tokenizer, small.examples, preset.longest).texts
    found = answer_losses(loaded.model, texts)
    wanted = sum(one.nats for one in found) / sum(one.tokens for one in found)
    assert run.curve()[0]["loss"] == pytest.approx(wanted, rel=0.01)


def test_packed_rows_give_the_loss_of_the_texts_alone(home: Path) -> None:
    small = small_set(6)
    curves = []
    for packing in (False, True):
        preset = TINY.changed(batch=6, device_batch=6, steps=1, longest=512, packing=packing)
        one = Job(find_model(home / "model"), small, preset, home / "cache")
        curves.append(run_job(one, home / "runs").curve()[0]["loss"])
    assert curves[1] == pytest.approx(curves[0], rel=0.01)


def test_a_sequence_to_sequence_model_learns_its_targets(tmp_path: Path) -> None:
    model = find_model(write_t5(tmp_path / "t5"))
    assert model.is_sequence_to_sequence
    preset = find_preset("dynosaur", sequence_to_sequence=True)
    assert (preset.batch, preset.rate, preset.epochs) == (16, 1e-5, 2)
    quick = TINY.changed(epochs=10, rate=1e-2)
    run = run_job(Job(model, small_set(), quick, tmp_path / "cache"), tmp_path / "runs")
    assert run.manifest.figures["last_loss"] < run.manifest.figures["first_loss"]
    assert load_model(run.model).model.config.is_encoder_decoder


@pytest.mark.parametrize("chat", [False, True])
def test_preferences_are_trained_by_dpo(home: Path, chat: bool) -> None:
    pairs: list[dict[str, Any]] = [
        {"prompt": f"Say {n}.", "chosen": f"It is {n}.", "rejected": "No."} for n in range(8)
    ]
    if chat:
        roles = {"prompt": "user", "chosen": "assistant", "rejected": "assistant"}
        pairs = [
            {name: [{"role": roles[name], "content": text}] for name, text in pair.items()}
            for pair in pairs
        ]
    one = replace(job(home, "full"), preferences=pairs, preset=TINY.changed(steps=4, rate=5e-3))
    run = run_job(one, home / "runs")
    points = [point["loss"] for point in run.curve()]
    assert points[0] == pytest.approx(math.log(2), abs=0.01), "at first it prefers neither"
    assert points[-1] < points[0]
    assert run.manifest.plan.objective == "dpo"


def test_a_pair_without_an_answer_is_refused(home: Path) -> None:
    one = replace(job(home, "full"), preferences=[{"prompt": "Say.", "chosen": "A."}])
    with pytest.raises(InvalidInput, match="row 0 without rejected"):
        run_job(one, home / "runs")


def test_a_run_from_a_run_starts_where_that_one_ended(home: Path) -> None:
    first = run_job(job(home, "full"), home / "runs")
    later = replace(job(home, "full"), model=find_model(first.model), base_run=first.name)
    second = run_job(later, home / "runs")
    assert second.curve()[0]["loss"] < first.curve()[0]["loss"]
    assert second.manifest.plan.base_run == first.name


def test_an_adapter_is_evaluated_and_trained_on_its_base(home: Path) -> None:
    run = run_job(job(home, "lora"), home / "runs")
    model = load_model(run.model).model
    assert type(model).__name__.startswith("Peft")
    assert find_model(run.model).config["model_type"] == "llama"


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_sound_and_the_papers_are_the_papers(name: str) -> None:
    PRESETS[name].check()
    papers = {"dynosaur": (128, 3e-4, 3, 512, 0.0), "qdit": (128, 2e-5, 3, 512, 0.0)}
    if name in papers:
        preset = PRESETS[name]
        figures = (preset.batch, preset.rate, preset.epochs, preset.longest, preset.weight_decay)
        assert figures == papers[name]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"batch": 0}, "batch"), ({"rate": -1}, "rate"), ({"device_batch": 9}, "device batch"),
        ({"method": "magic"}, "method"), ({"epochs": 0}, "epochs"), ({"rate": math.nan}, "rate"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_with_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        TINY.changed(**values)


def test_top_layers_need_layers_below(home: Path) -> None:
    one = replace(job(home, "top-layers"), preset=METHODS["top-layers"].changed(layers=4))
    with pytest.raises(InvalidInput, match="more than 4"):
        run_job(one, home / "runs")


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    import torch

    model = tiny_llama()
    with torch.no_grad():
        model.model.norm.weight.fill_(math.inf)
    write_model(tmp_path / "model", model)
    one = Job(find_model(tmp_path / "model"), small_set(), TINY, tmp_path / "cache")
    with pytest.raises(InvalidInput, match="loss of step 1"):
        run_job(one, tmp_path / "runs")


def test_without_the_extra_it_says_what_to_install(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == "trl" else object())
    with pytest.raises(MissingExtra, match=r"trl: not installed.*requirements-train\.txt"):
        run_job(job(home, "full"), home / "runs")
    assert list_runs(home / "runs") == []


def test_a_line_that_a_kill_has_cut_counts_as_not_written(tmp_path: Path) -> None:
    run = RunFolder.begin(tmp_path, Job(
        find_model(write_model(tmp_path / "m")), small_set(), TINY, tmp_path
    ).plan)  # fmt: skip
    run.add_point({"step": 1, "loss": 2.0})
    with (run.path / "curve.jsonl").open("a") as file:
        file.write('{"step": 2, "lo')
    assert run.curve() == [{"step": 1, "loss": 2.0}]
    assert json.loads((run.path / "plan.json").read_text())["examples"] == len(rows())
