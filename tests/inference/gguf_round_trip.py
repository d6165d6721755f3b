"""Write a small Llama as GGUF, convert it, and compare: `gguf_round_trip.py FOLDER`."""

import json
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from dynosaur_etl.inference.fetching import convert_gguf
from tests.training.tiny import CHATML, byte_tokenizer, tiny_llama

NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm", "model.layers": "blk",
}  # fmt: skip


def gguf_name(name: str) -> str:
    for ours, theirs in NAMES.items():
        name = name.replace(ours, theirs)
    return name


def permuted(weights: Any, heads: int) -> Any:
    """Rows of queries and keys in the order that GGUF has for rotary positions."""
    rows = weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
    return rows.swapaxes(1, 2).reshape(weights.shape)


def write_gguf(model: Any, tokenizer: Any, path: Path) -> None:
    config = model.config
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(10_000.0)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    tokens = [tokenizer.convert_ids_to_tokens(number) for number in range(len(tokenizer))]
    special = set(tokenizer.all_special_tokens)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in special else 1 for token in tokens])
    writer.add_token_merges(["a n", "e r", "t h", "Ċ Ċ", ": Ċ"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_chat_template(CHATML)
    for name, value in model.state_dict().items():
        array = value.float().numpy().astype(np.float32)
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
        for part, number in heads.items():
            if part in name:
                array = permuted(array, number)
        writer.add_tensor(gguf_name(name), np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main(folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    first = byte_tokenizer(merges=True)
    model = tiny_llama(2, tie_word_embeddings=False, vocab_size=len(first)).eval()
    write_gguf(model, first, folder / "small.gguf")
    (folder / "made").mkdir()
    convert_gguf(folder / "small.gguf", folder / "made")
    back = AutoModelForCausalLM.from_pretrained(folder / "made", dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "made")
    ids = torch.arange(10, 60)[None]
    with torch.inference_mode():
        difference = float((model(ids).logits - back(ids).logits).abs().max())
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "Hello"}], tokenize=False)
    same = tokenizer("another one: both").input_ids == first("another one: both").input_ids
    sys.stdout.write(json.dumps({"difference": difference, "chat": chat, "same_ids": same}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
