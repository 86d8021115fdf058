"""Makes the binary inputs that the fuzz targets start from: tests/fuzz/corpus/{gguf,adapter}/*.gguf, and the text ones of
safetensors and PEFT folders, whose parts lie between lines "====" (tests/fuzz/*_fuzz.cc say which); calls of the C API.

Needs numpy and gguf. The same files at each run. Usage: python tests/tools/fuzz_corpus.py
"""
import json
import os
import random

import gguf
import numpy as np

SEED = 20241121
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "corpus")
Q = gguf.GGMLQuantizationType
RNG = np.random.default_rng(SEED)


def writer(name, arch):
    path = os.path.join(ROOT, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return gguf.GGUFWriter(path, arch)


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def put(w, name, rows, cols, kind):
    """A tensor of random blocks with scales that are small f16 numbers."""
    if kind in (Q.F32, Q.F16):
        w.add_tensor(name, (RNG.standard_normal((rows, cols)) * 0.1).astype(np.float32 if kind == Q.F32 else np.float16))
        return
    values, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = RNG.integers(0, 256, (rows, cols // values, size), dtype=np.uint8)
    if kind == Q.BF16:
        blocks[..., 1] = 0x3C
    else:
        blocks[..., 1] = 0x1C
        if kind == Q.Q4_1:
            blocks[..., 3] = 0x98
    w.add_tensor(name, blocks.reshape(rows, -1), raw_dtype=kind)


def vector(w, name, size):
    w.add_tensor(name, np.ones(size, np.float32))


def metadata():
    w = writer("gguf/metadata.gguf", "llama")
    w.add_uint8("u8", 200), w.add_int8("i8", -100), w.add_uint16("u16", 60000), w.add_int16("i16", -30000)
    w.add_uint32("u32", 4000000000), w.add_int32("i32", -2), w.add_uint64("u64", 1 << 62), w.add_int64("i64", -(1 << 62))
    w.add_float32("f32", 0.1), w.add_float64("f64", 0.1), w.add_bool("b", True), w.add_string("s", "zwei Wörter")
    w.add_array("ints", [1, -2, 3]), w.add_array("floats", [0.5, -1.25]), w.add_array("strings", ["", "ä", "b"])
    w.add_array("bools", [True, False])
    finish(w)


def tensors():
    w = writer("gguf/types.gguf", "none")
    for kind in (Q.F32, Q.F16, Q.BF16, Q.Q8_0, Q.Q4_0, Q.Q4_1, Q.IQ4_NL):
        put(w, kind.name.lower(), 3, 64, kind)
    finish(w)
    w = writer("gguf/foreign.gguf", "none")  # shapes and integers that pith keeps but does not compute with
    put(w, "k", 1, 256, Q.Q6_K)
    w.add_tensor("cube", np.ones((2, 3, 4), np.float32))
    w.add_tensor("integers", np.arange(5, dtype=np.int32))
    w.add_tensor("doubles", np.arange(3, dtype=np.float64))
    finish(w)
    w = writer("gguf/alignment.gguf", "none")
    w.add_custom_alignment(64)
    vector(w, "a", 3), vector(w, "b", 2)
    finish(w)


def model(name, arch, kinds, tied, bias):
    """One layer of width 32: sixteen heads of two that share one KV head."""
    w = writer(name, arch)
    for key, value in (("block_count", 1), ("embedding_length", 32), ("feed_forward_length", 32), ("attention.head_count", 16),
                       ("attention.head_count_kv", 1), ("context_length", 64), ("rope.dimension_count", 2)):
        w.add_uint32(f"{arch}.{key}", value)
    w.add_float32(f"{arch}.attention.layer_norm_rms_epsilon", 1e-5)
    w.add_float32(f"{arch}.rope.freq_base", 10000.0)
    put(w, "token_embd.weight", 3, 32, kinds[0])
    vector(w, "output_norm.weight", 32)
    if not tied:
        put(w, "output.weight", 3, 32, kinds[0])
    vector(w, "blk.0.attn_norm.weight", 32), vector(w, "blk.0.ffn_norm.weight", 32)
    for i, (kind, rows) in enumerate((("attn_q", 32), ("attn_k", 2), ("attn_v", 2), ("attn_output", 32), ("ffn_gate", 32),
                                      ("ffn_up", 32), ("ffn_down", 32))):
        put(w, f"blk.0.{kind}.weight", rows, 32, kinds[i % len(kinds)])
        if bias and i < 3:
            vector(w, f"blk.0.{kind}.bias", rows)
    if not bias:
        w.add_string("pith.base.sha256", "0123456789abcdef" * 4)
    finish(w)


def family(name, arch, numbers, head=4, fused=False, qk_norm=False, post_norms=False, tables=()):
    """Two layers of width 32 of a family with more to it: eight heads over two KV heads."""
    w = writer(name, arch)
    keys = {"block_count": 2, "embedding_length": 32, "feed_forward_length": 32, "attention.head_count": 8, "attention.head_count_kv": 2,
            "attention.key_length": head, "attention.value_length": head, "context_length": 64, "rope.dimension_count": head,
            "attention.layer_norm_rms_epsilon": 1e-6, **numbers}
    for key, value in keys.items():
        add = w.add_string if isinstance(value, str) else w.add_float32 if isinstance(value, float) else w.add_uint32
        add(f"{arch}.{key}", value)
    put(w, "token_embd.weight", 3, 32, Q.Q8_0)
    vector(w, "output_norm.weight", 32)
    for table, size in tables:
        vector(w, table, size)
    q, k = 8 * head, 2 * head
    rows = {"attn_qkv": q + 2 * k, "ffn_up": 64} if fused else {"attn_q": q, "attn_k": k, "attn_v": k, "ffn_gate": 32, "ffn_up": 32}
    for layer in range(2):
        for norm in ["attn_norm", "ffn_norm"] + ["post_attention_norm", "post_ffw_norm"] * post_norms:
            vector(w, f"blk.{layer}.{norm}.weight", 32)
        for norm in ["attn_q_norm", "attn_k_norm"] * qk_norm:
            vector(w, f"blk.{layer}.{norm}.weight", head)
        for kind, out in {**rows, "ffn_down": 32}.items():
            put(w, f"blk.{layer}.{kind}.weight", out, 32, Q.Q4_0)
        put(w, f"blk.{layer}.attn_output.weight", 32, q, Q.Q4_0)
    finish(w)


def lora(name, arch, kind, rank, weights, invocation=None, budget=False):
    w = writer(name, arch)
    w.add_type("adapter"), w.add_string("adapter.type", "lora"), w.add_float32("adapter.lora.alpha", 2.0 * rank)
    if invocation:
        w.add_key_value("adapter.alora.invocation_tokens", invocation, gguf.GGUFValueType.ARRAY, gguf.GGUFValueType.UINT32)
        w.add_string("pith.base.sha256", "f" * 64)
    if budget:
        w.add_uint32("pith.budget.tokens", 64), w.add_uint32("pith.budget.reserve_tokens", 8)
        w.add_string("pith.budget.close_text", "\n#### "), w.add_string("pith.budget.sentence", "Use {budget} tokens.")
    rows = {"attn_k": 16, "attn_v": 16}
    for weight in weights:
        put(w, f"{weight}.weight.lora_a", rank, 32, kind)
        put(w, f"{weight}.weight.lora_b", rows.get(weight.split(".")[2], 32), rank, kind if rank % 32 == 0 else Q.F16)
    finish(w)


def header(entries):
    """A safetensors header: (name, type, shape) one behind the other."""
    out, offset = {}, 0
    for name, kind, shape in entries:
        size = int(np.prod(shape)) * (4 if kind == "F32" else 2)
        out[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    return out


def text(name, *parts):
    path = os.path.join(ROOT, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("\n====\n".join(part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for part in parts))


def safetensors():
    types = header([("a", "F32", (2, 3)), ("half", "F16", (4,)), ("brain", "BF16", (1, 3, 1)), ("none", "F32", (0, 5))])
    text("safetensors/types.txt", {"__metadata__": {"format": "pt", "ä": ""}, **types}, "some bytes of data")
    raw = json.dumps(header([("a", "F32", (2,)), ("b", "BF16", (3,))])).encode()
    with open(os.path.join(ROOT, "safetensors", "raw.safetensors"), "wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw + bytes(range(14)))
    config = {"architectures": ["LlamaForCausalLM"], "hidden_size": 4, "intermediate_size": 2, "num_hidden_layers": 1,
              "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 3, "max_position_embeddings": 64,
              "rms_norm_eps": 1e-05, "rope_theta": 5000.0, "tie_word_embeddings": True, "torch_dtype": "bfloat16",
              "hidden_act": "silu", "attention_bias": False, "rope_scaling": None}
    layer = "model.layers.0."
    linear = [("self_attn.q_proj", 4, 4), ("self_attn.k_proj", 2, 4), ("self_attn.v_proj", 2, 4), ("self_attn.o_proj", 4, 4),
              ("mlp.gate_proj", 2, 4), ("mlp.up_proj", 2, 4), ("mlp.down_proj", 4, 2)]
    llama = [("model.embed_tokens.weight", "BF16", (3, 4)), ("model.norm.weight", "BF16", (4,)),
             (layer + "input_layernorm.weight", "BF16", (4,)), (layer + "post_attention_layernorm.weight", "BF16", (4,))]
    llama += [(f"{layer}{name}.weight", "BF16", (rows, cols)) for name, rows, cols in linear]
    text("safetensors/llama.txt", header(llama), "", config)
    qwen2 = llama + [("lm_head.weight", "BF16", (3, 4))] + [(f"{layer}{n}.bias", "BF16", (rows,)) for n, rows, _ in linear[:3]]
    config = {**config, "architectures": ["Qwen2ForCausalLM"], "tie_word_embeddings": False, "head_dim": 2,
              "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}, "layer_types": ["full_attention"]}
    index = {"metadata": {"total_size": 1}, "weight_map": {name: "shard.safetensors" for name, _, _ in qwen2}}
    text("safetensors/qwen2_shards.txt", header(qwen2), "", config, index)


def peft():
    prefix = "base_model.model.model.layers."

    def pair(layer, module, rank, rows=32, dora=False):
        name = f"{prefix}{layer}.{module}"
        extra = [(name + ".lora_magnitude_vector", "F32", (rows,))] if dora else []
        return [(name + ".lora_A.weight", "F32", (rank, 32)), (name + ".lora_B.weight", "F32", (rows, rank))] + extra

    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "org/model", "inference_mode": True, "r": 2,
              "lora_alpha": 4, "rank_pattern": {}, "alpha_pattern": {}, "use_rslora": False, "lora_dropout": 0.05,
              "target_modules": ["q_proj"], "alora_invocation_tokens": None, "bias": "none", "fan_in_fan_out": False,
              "init_lora_weights": True, "modules_to_save": None, "use_dora": False}
    both = pair(0, "self_attn.q_proj", 2) + pair(1, "self_attn.q_proj", 2)
    text("adapter/lora.txt", config, header(both))
    text("adapter/alora_budget.txt", {**config, "alora_invocation_tokens": [1, 5, 63], "use_rslora": True}, header(both), "",
         {"base_sha256": "0123456789abcdef" * 4,
          "budget": {"tokens": 64, "reserve_tokens": 8, "close_text": "\n#### ", "sentence": "Use {budget} tokens."}})
    patterns = {**config, "target_modules": ["q_proj", "down_proj"], "rank_pattern": {"down_proj": 3, "layers\\.[0-3]\\..*q_proj": 2},
                "alpha_pattern": {"(?:q|k)_pro.{1,2}": 1.5, "0.mlp.down_proj": 6}}
    text("adapter/patterns.txt", patterns, header(both + pair(0, "mlp.down_proj", 3) + pair(1, "mlp.down_proj", 3)))
    text("adapter/dora.txt", {**config, "use_dora": True, "target_modules": "v_proj"}, header(pair(0, "self_attn.v_proj", 2, 16, True)))
    # PiSSA: the second half of lora_A is its first half less the start; with equal halves the start is zero.
    start = header([(f"{prefix}0.self_attn.q_proj.lora_A.start", "F32", (1, 32))])
    text("adapter/pissa.txt", config, header(pair(0, "self_attn.q_proj", 2)), "", {"base_sha256": "", "start": "pissa"}, start, "\0" * 128)


metadata()
tensors()
model("gguf/llama.gguf", "llama", [Q.Q4_0, Q.Q8_0, Q.Q4_1, Q.IQ4_NL], tied=True, bias=False)
model("gguf/qwen2.gguf", "qwen2", [Q.Q4_0, Q.BF16, Q.F16], tied=False, bias=True)
lora("adapter/f16.gguf", "llama", Q.F16, 2, ["blk.0.attn_q", "blk.1.attn_v"])
lora("adapter/q8_0.gguf", "qwen2", Q.Q8_0, 32, ["blk.0.attn_k"])
lora("adapter/q4_0_alora.gguf", "llama", Q.Q4_0, 32, ["blk.1.ffn_down"], invocation=[1, 5, 63], budget=True)
safetensors()
peft()

# Blocks of 256 and of five bits; last, so that the files above stay as they are.
blocks = writer("gguf/blocks.gguf", "none")
for kind in (Q.Q5_0, Q.Q5_1, Q.Q2_K, Q.Q3_K, Q.Q4_K, Q.Q5_K, Q.Q6_K, Q.IQ4_XS):
    put(blocks, kind.name.lower(), 2, 256, kind)
finish(blocks)
# Last, so that the files above stay as they are.
family("gguf/qwen3.gguf", "qwen3", {"rope.freq_base": 1e6, "rope.scaling.type": "yarn", "rope.scaling.factor": 4.0,
                                    "rope.scaling.original_context_length": 16, "attention.sliding_window": 8}, qk_norm=True)
family("gguf/gemma3.gguf", "gemma3", {"attention.sliding_window": 8, "rope.scaling.type": "linear", "rope.scaling.factor": 8.0,
                                      "final_logit_softcapping": 30.0, "attn_logit_softcapping": 50.0, "attention.scale": 0.25}, qk_norm=True,
       post_norms=True)
family("gguf/phi3.gguf", "phi3", {"rope.scaling.original_context_length": 16, "rope.scaling.attn_factor": 1.25, "rope.dimension_count": 2}, fused=True,
       tables=(("rope_factors_short.weight", 1), ("rope_factors_long.weight", 1)))
family("gguf/llama3.gguf", "llama", {}, tables=(("rope_freqs.weight", 2),))


def calls(name, seed, order, times):
    """Calls of the C API (tests/fuzz/capi_fuzz.cc: a byte for the call, then those of its arguments), with small numbers, which are the usual ones."""
    bits = random.Random(SEED + seed).getrandbits
    out = bytearray(5)
    for call in order * times:
        out.append(call)
        out += bytes(bits(8) % 15 for _ in range(6 + bits(8) % 9))
    put_bytes(name, out[:1000])


def put_bytes(name, data):
    path = os.path.join(ROOT, "capi", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(bytes(data))


calls("generate.bin", 0, [2, 10, 4, 11, 9, 12, 20, 19, 10], 4)
calls("jobs.bin", 1, [13, 16, 15, 14, 17, 15, 13, 18, 23, 15], 4)
calls("conversations.bin", 2, [4, 6, 10, 9, 7, 6, 8, 5, 4, 11], 4)
calls("models.bin", 3, [0, 2, 10, 1, 10, 20, 0, 2, 13, 1, 15], 4)
calls("texts.bin", 4, [21, 22, 21, 2, 2, 22, 3, 22, 20], 4)
for i in range(8):  # whatever
    put_bytes(f"noise{i}.bin", bytes(5) + random.Random(SEED + 10 + i).getrandbits(8 * 600).to_bytes(600, "little"))
