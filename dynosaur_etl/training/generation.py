"""What a model answers: the most likely token each time, the same on every run."""

from collections.abc import Sequence
from typing import Any

from dynosaur_etl.inference.answer_loss import Progress, evaluating, like_batches, silent
from dynosaur_etl.training.encoding import plain_prompt, prompt_text
from dynosaur_etl.training.loading import LoadedModel
from dynosaur_etl.training.sets import Example

BATCH_TOKENS = 4_096
NEW_TOKENS = 128


def generate(
    loaded: LoadedModel,
    examples: Sequence[Example],
    longest: int,
    new_tokens: int = NEW_TOKENS,
    progress: Progress = silent,
) -> list[str]:
    """Return the answer to each example, without the marks of its template.

    Args:
        loaded: a causal or sequence-to-sequence model.
        examples: in any number.
        longest: tokens of a prompt; the end of a longer one is kept.
        new_tokens: most tokens of an answer.
        progress: is called with (examples so far, all).
    """
    import torch

    model, tokenizer = loaded.model, loaded.tokenizer
    prompts = [_prompt_tokens(loaded, example)[-longest:] for example in examples]
    found = [""] * len(prompts)
    done = 0
    with torch.inference_mode(), evaluating(model):
        for batch in like_batches([len(prompt) + new_tokens for prompt in prompts], BATCH_TOKENS):
            ids, mask = _left_padded([prompts[at] for at in batch], tokenizer.pad_token_id)
            told = model.generate(
                input_ids=ids.to(model.device), attention_mask=mask.to(model.device),
                max_new_tokens=new_tokens, do_sample=False, num_beams=1,
                eos_token_id=end_tokens(loaded), pad_token_id=tokenizer.pad_token_id,
            )  # fmt: skip
            start = 0 if model.config.is_encoder_decoder else ids.shape[1]
            for at, tokens in zip(batch, told[:, start:], strict=True):
                found[at] = tokenizer.decode(tokens, skip_special_tokens=True).strip()
            done += len(batch)
            progress(done, len(prompts))
    return found


def end_tokens(loaded: LoadedModel) -> list[int]:
    """Return the tokens after which an answer is over: the end of a text, and of a turn."""
    tokenizer = loaded.tokenizer
    ends = {tokenizer.eos_token_id}
    configured = getattr(loaded.model.generation_config, "eos_token_id", None)
    ends |= set(configured if isinstance(configured, list) else [configured])
    if tokenizer.chat_template:
        ends.add(_end_of_turn(tokenizer))
    return sorted(end for end in ends if end is not None)


def _end_of_turn(tokenizer: Any) -> int | None:
    """The special token that the template writes after an answer, if it writes one."""
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    text = tokenizer.apply_chat_template(turns, tokenize=False).rstrip()
    last = tokenizer(text, add_special_tokens=False)["input_ids"][-1]
    return int(last) if last in tokenizer.all_special_ids else None


def _prompt_tokens(loaded: LoadedModel, example: Example) -> list[int]:
    tokenizer = loaded.tokenizer
    if loaded.model.config.is_encoder_decoder:
        return list(tokenizer(plain_prompt(example))["input_ids"])
    text = prompt_text(tokenizer, example)
    return list(tokenizer(text, add_special_tokens=not tokenizer.chat_template)["input_ids"])


def _left_padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[Any, Any]:
    import torch

    width = max(map(len, rows))
    ids = torch.full((len(rows), width), pad)
    mask = torch.zeros((len(rows), width), dtype=torch.int64)
    for at, row in enumerate(rows):
        ids[at, width - len(row) :] = torch.tensor(row)
        mask[at, width - len(row) :] = 1
    return ids, mask
