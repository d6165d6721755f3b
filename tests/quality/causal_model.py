"""A tiny causal language model of random weights, with a tokenizer of a few words."""

from pathlib import Path

WORDS = [
    "name", "the", "mood", ".", "i", "love", "this", "that", "cafe", "hate", "so", "much",
    "positive", "negative", "word",
]  # fmt: skip
CHAT = (
    "{% for message in messages %}<s> {{ message['role'] }} {{ message['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}<s> {% endif %}"
)


def make_causal(folder: Path, *, chat: bool = False, bos: bool = True, seed: int = 0) -> Path:
    """Write the model and its tokenizer into a new folder."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder.mkdir()
    special = ["<unk>", "<s>", "</s>"]
    vocabulary = {word: at for at, word in enumerate([*special, *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token="<unk>",
        eos_token="</s>",
        bos_token="<s>" if bos else None,
        model_max_length=64,
    )
    if chat:
        tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
