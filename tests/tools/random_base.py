"""A GGUF of a published model's shape, quantised as pith-export convert does it (q4_0, embedding and head q8_0), with random weights: memory and
speed do not depend on what they say.  Beside it a random PEFT adapter for every linear layer.

    python tests/tools/random_base.py phi-3-mini base.gguf peft/        (needs gguf, numpy, safetensors)

The vocabulary is bytes: every text is ids, no text comes out of it.
"""

import json
import os
import sys

import gguf
import numpy as np
from safetensors.numpy import save_file

SHAPES = {
    # arch, layers, width, heads, kv_heads, head_dim, d_ff, vocabulary, context, theta, tied, biases of q, k, v
    "qwen2.5-0.5b": ("qwen2", 24, 896, 14, 2, 64, 4864, 151936, 32768, 1e6, True, True),
    "tinyllama-1.1b": ("llama", 22, 2048, 32, 4, 64, 5632, 32000, 2048, 1e4, False, False),
    "phi-3-mini": ("phi3", 32, 3072, 32, 32, 96, 8192, 32064, 4096, 1e4, False, False),
}
TYPES = {"q4_0": (gguf.GGMLQuantizationType.Q4_0, 18), "q8_0": (gguf.GGMLQuantizationType.Q8_0, 34)}  # and bytes of a block of 32


def main(shape, path, peft, rank=32):
    arch, layers, d, heads, kv, head_dim, ff, vocab, context, theta, tied, bias = SHAPES[shape]
    rng = np.random.default_rng(0)
    w = gguf.GGUFWriter(path, arch)
    w.add_name("random " + shape)
    w.add_context_length(context)
    w.add_block_count(layers)
    w.add_embedding_length(d)
    w.add_feed_forward_length(ff)
    w.add_head_count(heads)
    w.add_head_count_kv(kv)
    w.add_rope_freq_base(theta)
    w.add_rope_dimension_count(head_dim)
    w.add_layer_norm_rms_eps(1e-6)
    w.add_vocab_size(vocab)
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]  # GPT-2's table: the printable bytes stand for themselves
    table, extra = {}, 0
    for b in range(256):
        table[b] = chr(b) if b in keep else chr(256 + extra)
        extra += b not in keep
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("smollm")
    w.add_token_list([table[b] for b in range(256)] + [f"<|{i}|>" for i in range(256, vocab)])
    w.add_token_types([gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * (vocab - 256))
    w.add_token_merges(["a b"])
    w.add_eos_token_id(256)
    w.add_bos_token_id(256)
    w.add_chat_template("{% for m in messages %}{{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}A:\n{% endif %}")

    def matrix(name, out, inp, kind="q4_0"):
        ggml, size = TYPES[kind]
        blocks = rng.integers(0, 256, (out, inp // 32, size), dtype=np.uint8)
        scale = np.array([0.02 / (8 if kind == "q4_0" else 74)], np.float16).view(np.uint8)
        blocks[:, :, :2] = scale
        w.add_tensor(name, blocks.reshape(out, -1), raw_dtype=ggml)

    def vector(name, n, value):
        w.add_tensor(name, np.full(n, value, np.float32))

    matrix("token_embd.weight", vocab, d, "q8_0")
    if not tied:
        matrix("output.weight", vocab, d, "q8_0")
    vector("output_norm.weight", d, 1.0)
    q, k = heads * head_dim, kv * head_dim
    fused = arch == "phi3"
    modules = {"self_attn.o_proj": (d, q), "mlp.down_proj": (d, ff)}
    if fused:
        modules |= {"self_attn.qkv_proj": (q + 2 * k, d), "mlp.gate_up_proj": (2 * ff, d)}
    else:
        modules |= {"self_attn.q_proj": (q, d), "self_attn.k_proj": (k, d), "self_attn.v_proj": (k, d), "mlp.gate_proj": (ff, d), "mlp.up_proj": (ff, d)}
    names = {"o_proj": "attn_output", "down_proj": "ffn_down", "qkv_proj": "attn_qkv", "gate_up_proj": "ffn_up", "q_proj": "attn_q", "k_proj": "attn_k",
             "v_proj": "attn_v", "gate_proj": "ffn_gate", "up_proj": "ffn_up"}
    adapter = {}
    for i in range(layers):
        for name in ("attn_norm", "ffn_norm"):
            vector(f"blk.{i}.{name}.weight", d, 1.0)
        for module, (out, inp) in modules.items():
            short = module.split(".")[1]
            matrix(f"blk.{i}.{names[short]}.weight", out, inp)
            if bias and short in ("q_proj", "k_proj", "v_proj"):
                vector(f"blk.{i}.{names[short]}.bias", out, 0.01)
            stem = f"base_model.model.model.layers.{i}.{module}.lora_"
            adapter[stem + "A.weight"] = rng.standard_normal((rank, inp), dtype=np.float32) * 0.02
            adapter[stem + "B.weight"] = rng.standard_normal((out, rank), dtype=np.float32) * 0.002
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    os.makedirs(peft, exist_ok=True)
    save_file(adapter, os.path.join(peft, "adapter_model.safetensors"), metadata={"format": "pt"})
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": 2 * rank, "bias": "none", "base_model_name_or_path": None,
              "target_modules": [m.split(".")[1] for m in modules]}
    with open(os.path.join(peft, "adapter_config.json"), "w") as f:
        json.dump(config, f)


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in SHAPES:
        sys.exit(f"usage: random_base.py {{{','.join(SHAPES)}}} OUT.gguf PEFT_FOLDER")
    main(*sys.argv[1:])
