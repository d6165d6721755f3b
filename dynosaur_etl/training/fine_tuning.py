"""Fine-tune with TRL's and transformers' trainers: all weights or adapters, one device or several.

The rows that a trainer gets are tokens with labels already: what is learnt is decided in
`encoding`, the same way for every trainer. Several GPUs work together where the command is started
by `accelerate launch`; the first process alone writes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.inference.chat_tokens import AnswerTokens
from dynosaur_etl.inference.precision import multiplies_bfloat16
from dynosaur_etl.training.loading import LoadedModel
from dynosaur_etl.training.presets import LORA, Preset
from dynosaur_etl.training.steps import bucketed

PREFERENCE_COLUMNS = ("prompt", "chosen", "rejected")
Watch = Callable[[Mapping[str, float]], None]


@dataclass(frozen=True)
class Work:
    """What a trainer is given.

    Attributes:
        checkpoints: folder of those; the newest is resumed.
        model: folder that gets the result.
        watch: is called with each step: step, loss, rate.
    """

    preset: Preset
    seed: int
    checkpoints: Path
    model: Path
    watch: Watch


def fine_tune(loaded: LoadedModel, texts: Sequence[AnswerTokens], work: Work) -> dict[str, float]:
    """Train a causal model on the answers of texts, and save it.

    Returns:
        What the trainer measured, by its own names.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    rows = Dataset.from_list(
        [{"input_ids": list(text.ids), "labels": text.labels} for text in texts]
    )
    preset = work.preset
    if preset.packing:
        options = _options(work, len(rows)) | {"packing": True, "packing_strategy": "bfd"}
    else:
        rows, options = _in_buckets(rows, [len(text) for text in texts], work)
    trainer = SFTTrainer(
        model=loaded.model,
        args=SFTConfig(**options, max_length=preset.longest),
        train_dataset=rows,
        processing_class=loaded.tokenizer,
        peft_config=_adapter(preset, "CAUSAL_LM"),
    )
    return _run(trainer, work, loaded.tokenizer)


def fine_tune_pairs(
    loaded: LoadedModel, texts: Sequence[AnswerTokens], work: Work
) -> dict[str, float]:
    """Train a sequence-to-sequence model on targets, and save it."""
    from datasets import Dataset
    from transformers import (
        DataCollatorForSeq2Seq,
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
    )

    rows = Dataset.from_list([
        {
            "input_ids": list(text.ids[: text.answer_from]),
            "labels": list(text.ids[text.answer_from :]),
        }
        for text in texts
    ])  # fmt: skip
    rows, options = _in_buckets(rows, [len(text) for text in texts], work)
    trainer = Seq2SeqTrainer(
        model=_with_adapter(loaded.model, _adapter(work.preset, "SEQ_2_SEQ_LM")),
        args=Seq2SeqTrainingArguments(**options),
        train_dataset=rows,
        data_collator=DataCollatorForSeq2Seq(loaded.tokenizer, loaded.model),
        processing_class=loaded.tokenizer,
    )
    return _run(trainer, work, loaded.tokenizer)


def prefer(loaded: LoadedModel, rows: Sequence[Mapping[str, Any]], work: Work) -> dict[str, float]:
    """Train a causal model by DPO on pairs of answers, and save it.

    Args:
        loaded: what is trained; the reference is a copy of it, or it without its adapter.
        rows: with `prompt`, `chosen` and `rejected`, as texts or as turns.
        work: as for the others.

    Raises:
        InvalidInput: a row lacks one of them.
    """
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    for number, row in enumerate(rows):
        missing = [name for name in PREFERENCE_COLUMNS if not row.get(name)]
        if missing:
            received = f"row {number} without {', '.join(missing)}"
            raise InvalidInput(not_allowed("preferences", received, PREFERENCE_COLUMNS))
    kept = [{name: row[name] for name in PREFERENCE_COLUMNS} for row in rows]
    trainer = DPOTrainer(
        model=loaded.model,
        args=DPOConfig(**_options(work, len(kept)), max_length=work.preset.longest),
        train_dataset=Dataset.from_list(kept),
        processing_class=loaded.tokenizer,
        peft_config=_adapter(work.preset, "CAUSAL_LM"),
    )
    return _run(trainer, work, loaded.tokenizer)


def _in_buckets(rows: Any, lengths: Sequence[int], work: Work) -> tuple[Any, dict[str, Any]]:
    """Return the rows of all passes in the order in which they are taken, and the options for it.

    The trainers' own grouping by length draws another order when a run is resumed.
    """
    options = _options(work, len(rows))
    passes = math.ceil(options["max_steps"] * work.preset.batch / len(rows))
    order = bucketed(lengths, work.preset.device_batch, work.seed, passes)
    return rows.select(order), options | {"train_sampling_strategy": "sequential"}


def _options(work: Work, rows: int) -> dict[str, Any]:
    """Return what all trainers take alike."""
    import torch
    from accelerate import PartialState

    _send_nothing_home()
    preset = work.preset
    devices = PartialState().num_processes
    accumulation = max(1, round(preset.batch / (preset.device_batch * devices)))
    a_pass = -(-rows // (preset.device_batch * devices * accumulation))
    steps = preset.steps or max(1, round(preset.epochs * a_pass))
    on_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(work.checkpoints),
        "per_device_train_batch_size": preset.device_batch,
        "gradient_accumulation_steps": accumulation,
        "learning_rate": preset.rate,
        "weight_decay": preset.weight_decay,
        "max_grad_norm": preset.clip,
        "max_steps": steps,
        "lr_scheduler_type": preset.schedule,
        "warmup_steps": round(preset.warmup * steps),
        "bf16": torch.cuda.is_bf16_supported() if on_gpu else multiplies_bfloat16(),
        "use_cpu": not on_gpu,
        "gradient_checkpointing": on_gpu,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": max(1, steps // preset.saves),
        "save_total_limit": 2,
        "seed": work.seed,
        "data_seed": work.seed,
        "report_to": "none",
        "disable_tqdm": True,
        "remove_unused_columns": True,
        "dataloader_pin_memory": on_gpu,
    }


def _adapter(preset: Preset, task: str) -> Any:
    if preset.method != LORA:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=preset.rank,
        lora_alpha=2 * preset.rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type=task,
    )


def _with_adapter(model: Any, adapter: Any) -> Any:
    if adapter is None:
        return model
    from peft import get_peft_model

    return get_peft_model(model, adapter)


def _send_nothing_home() -> None:
    """Keep TRL from reporting to the Hub which trainer runs, and on what machine."""
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_TELEMETRY = True


def _run(trainer: Any, work: Work, tokenizer: Any) -> dict[str, float]:
    """Train, from the newest checkpoint if there is one, and save the model."""
    from transformers import PrinterCallback
    from transformers.trainer_utils import get_last_checkpoint

    trainer.remove_callback(PrinterCallback)  # it writes to standard output, which is the result's
    trainer.add_callback(_watching(work.watch))
    last = get_last_checkpoint(str(work.checkpoints)) if work.checkpoints.is_dir() else None
    found = trainer.train(resume_from_checkpoint=last)
    trainer.save_model(str(work.model))
    if trainer.is_world_process_zero():
        tokenizer.save_pretrained(str(work.model))
    return {name: float(value) for name, value in found.metrics.items()}


def _watching(watch: Watch) -> Any:
    from transformers import TrainerCallback

    class Watching(TrainerCallback):  # type: ignore[misc]
        """Tells of each step as it is logged."""

        def on_log(self, args: Any, state: Any, *_: Any, **told: Any) -> None:
            logs = told.get("logs")
            if state.is_world_process_zero and logs and "loss" in logs:
                tokens = float(logs.get("num_tokens", state.num_input_tokens_seen))
                watch({
                    "step": state.global_step,
                    "loss": float(logs["loss"]),
                    "rate": float(logs.get("learning_rate", args.learning_rate)),
                    "tokens": tokens,
                    "of": state.max_steps,
                })  # fmt: skip

    return Watching()


def first_process() -> bool:
    """Return whether this process writes: the only one, or the first of several."""
    from accelerate import PartialState

    return bool(PartialState().is_main_process)
