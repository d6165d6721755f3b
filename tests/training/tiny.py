"""Models of random weights and sets that a test trains on within seconds."""

from pathlib import Path
from typing import Any

from dynosaur_etl.training.sets import ExampleSet, example_set

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}"
    "<|end_header_id|>\n\n{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for message in messages %}<start_of_turn>"
    "{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{{ message['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "[INST] {{ message['content'] }} [/INST]{% else %} {{ message['content'] }}{{ eos_token }}"
    "{% endif %}{% endfor %}"
)
ENDS = {"chatml": "<|im_end|>", "llama3": "<|eot_id|>", "gemma": "<end_of_turn>", "mistral": "</s>"}
TEMPLATES = {"chatml": CHATML, "llama3": LLAMA3, "gemma": GEMMA, "mistral": MISTRAL}
MARKS = (
    "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>",
    "<|eot_id|>", "<start_of_turn>", "<end_of_turn>",
)  # fmt: skip


def byte_tokenizer(template: str | None = CHATML, *, merges: bool = False) -> Any:
    """A tokenizer of bytes with the marks of all templates; with merges it joins common pairs."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = [("a", "n"), ("e", "r"), ("t", "h"), ("Ċ", "Ċ"), (":", "Ċ")] if merges else []
    names = [*MARKS, *alphabet, *(left + right for left, right in pairs)]
    vocabulary = {token: number for number, token in enumerate(names)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="</s>",
        additional_special_tokens=list(MARKS[2:]),
        chat_template=template,
        model_max_length=4096,
    )


def tiny_llama(layers: int = 4, **values: Any) -> Any:
    """A Llama of random weights over the bytes."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(**{
        "vocab_size": len(byte_tokenizer()), "hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": layers, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 4096, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1,
        "tie_word_embeddings": True, "initializer_range": 0.2, **values,
    })  # fmt: skip
    return LlamaForCausalLM(config)


def write_model(folder: Path, model: Any = None, template: str | None = CHATML) -> Path:
    """Write a model and its tokenizer as a folder."""
    (model or tiny_llama()).save_pretrained(folder)
    byte_tokenizer(template).save_pretrained(folder)
    return folder


def write_t5(folder: Path) -> Path:
    """Write a T5 of random weights."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(byte_tokenizer()), d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4,
        pad_token_id=1, eos_token_id=1, decoder_start_token_id=0,
    )  # fmt: skip
    T5ForConditionalGeneration(config).save_pretrained(folder)
    byte_tokenizer(None).save_pretrained(folder)
    return folder


def rows(number: int = 24) -> list[dict[str, Any]]:
    """Rows of two tasks of four sources, of several lengths."""
    return [
        {
            "instance_key": f"row {at}",
            "instruction": "Name the mood." if at % 2 else "Say the note again.",
            "input": f"Note {at}: " + "the boat came back late. " * (at % 5),
            "output": ["calm", "glad", "cross"][at % 3] if at % 2 else f"Note {at}, late.",
            "task_key": f"task {at % 2}",
            "dataset": f"owner/set{at % 4}",
            "quality": (at % 7) / 7,
        }
        for at in range(number)
    ]


def small_set(number: int = 24) -> ExampleSet:
    return example_set("small", "0" * 64, rows(number), {"task 1": ("calm", "cross", "glad")})
