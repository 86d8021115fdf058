"""Writes a tiny model of every family that pith knows, as a description, and what transformers and PEFT compute with it in float32.

    python tests/tools/families.py tests/golden/families [NAME…]

  NAME.json           versions; "hub": config.json as models of the family were published with; "config": as this transformers
                      writes it; tensors {name: [shape, scale, offset]}; ids; adapter {rank, alpha, targets, tensors, loss}
  NAME.safetensors    logits (T × V); adapter.logits (of the last positions), adapter.grad.TENSOR

No weight is stored: fill() makes each value from its tensor's name and its index, and so does tests/families/family_golden.h. The loss is the mean
cross-entropy of the next tokens over the sequence. Values with a head size of their own (v_head_dim) are no option of transformers' Llama: here
its attention is a subclass that has them. The script refuses a model whose features do not show: each is switched off in turn
(ABLATIONS), and has to move the logits.
"""

import copy
import json
import math
import os
import shutil
import sys

import numpy as np
import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers.models.llama import modeling_llama

VOCAB, LAST = 320, 4
RANK, ALPHA = 2, 3.0
TOKENS, FEWER = 40, dict.fromkeys(["ministral", "qwen2-window", "smollm3", "gemma3", "gemma3-linear"], 28)  # to keep files small


# ---- values from names ----

def fill(name, shape, scale, offset=0.0):
    """offset + scale · u, u in [−1, 1) from FNV-1a of the name and SplitMix64, rounded to bfloat16 (to even)."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, math.prod(shape) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
        u = (z >> np.uint64(40)).astype(np.float64) / 2**23 - 1
        bits = (offset + scale * u).astype(np.float32).view(np.uint32)
        bits = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)) & np.uint32(0xFFFF0000)
    return torch.from_numpy(bits.view(np.float32).reshape(shape).copy())


def fill_all(tensors):
    return {name: fill(name, *how) for name, how in tensors.items()}


def how_filled(name, shape, gemma):
    """Wide enough that attention is far from uniform and a wrong rotary layout shows."""
    if name.endswith(".bias"):
        return [shape, 0.5, 0.0]
    if len(shape) == 1:
        strong = 0.4 if name.endswith(("q_norm.weight", "k_norm.weight")) else 0.0
        return [shape, 0.35, strong + (0.0 if gemma else 1.0)]
    return [shape, round(2.25 / shape[1] ** 0.5, 3), 0.0]


# ---- the families ----

def model(name, **settings):
    common = dict(vocab_size=VOCAB, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
                  num_key_value_heads=2, max_position_embeddings=512, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=False,
                  bos_token_id=1, eos_token_id=2, pad_token_id=2, initializer_range=0.02, use_cache=True, attention_dropout=0.0,
                  torch_dtype="bfloat16")
    return {"architectures": [name + "ForCausalLM"], **common, **settings}


def llama(**settings):
    return model("Llama", model_type="llama", hidden_act="silu", attention_bias=False, mlp_bias=False, pretraining_tp=1, **settings)


def phi(**settings):
    return model("Phi3", model_type="phi3", hidden_act="silu", attention_bias=False, embd_pdrop=0.0, resid_pdrop=0.0, **settings)


def gemma2(**settings):
    return model("Gemma2", model_type="gemma2", **{**dict(
        hidden_size=96, intermediate_size=96, head_dim=32, num_hidden_layers=3, hidden_act="gelu_pytorch_tanh",
        hidden_activation="gelu_pytorch_tanh", attention_bias=False, query_pre_attn_scalar=24, sliding_window=12,
        attn_logit_softcapping=1.5, final_logit_softcapping=2.0, rms_norm_eps=1e-6, tie_word_embeddings=True,
        cache_implementation="hybrid", pad_token_id=0), **settings})


def gemma3(**settings):
    return model("Gemma3", model_type="gemma3_text", **{**dict(
        hidden_size=96, intermediate_size=96, head_dim=32, num_hidden_layers=6, hidden_activation="gelu_pytorch_tanh", attention_bias=False,
        query_pre_attn_scalar=20, sliding_window=9, sliding_window_pattern=6, rope_theta=1000000.0, rope_local_base_freq=10000.0,
        rope_scaling=None, attn_logit_softcapping=None, final_logit_softcapping=None, rms_norm_eps=1e-6, tie_word_embeddings=True,
        cache_implementation="hybrid", pad_token_id=0), **settings})


def longrope(original):
    """transformers takes the short list up to `original` tokens, beyond it the long one, which pith never runs."""
    short = [round(1 + 0.15 * i, 2) for i in range(12)]
    long = [round(1 + 0.1 * i * i, 2) for i in range(12)]
    return dict(num_attention_heads=2, num_key_value_heads=1, partial_rotary_factor=0.75, tie_word_embeddings=True, sliding_window=1024,
                max_position_embeddings=1024, original_max_position_embeddings=original,
                rope_scaling={"type": "longrope", "short_factor": short, "long_factor": long})


FAMILIES = {
    "llama-plain": llama(rope_scaling=None),
    "llama3": llama(tie_word_embeddings=True, head_dim=16, rope_theta=500000.0, rope_scaling={
        "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 96, "rope_type": "llama3"}),
    "llama-linear": llama(rope_scaling={"factor": 4.0, "type": "linear"}),
    "llama-yarn": llama(num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=2048, rope_scaling={
        "factor": 4.0, "original_max_position_embeddings": 512, "rope_type": "yarn"}),
    "llama-values": llama(head_dim=32, v_head_dim=64, rope_scaling=None),
    "mistral": model("Mistral", model_type="mistral", hidden_act="silu", num_hidden_layers=3, sliding_window=11),
    "ministral": model("Ministral", model_type="ministral", hidden_act="silu", num_hidden_layers=3, head_dim=32, sliding_window=11,
                       layer_types=["full_attention", "sliding_attention", "sliding_attention"]),
    "qwen2": model("Qwen2", model_type="qwen2", hidden_act="silu", tie_word_embeddings=True, rms_norm_eps=1e-6,
                   use_sliding_window=False, sliding_window=512, max_window_layers=2),
    "qwen2-window": model("Qwen2", model_type="qwen2", hidden_act="silu", num_hidden_layers=3, rms_norm_eps=1e-6, use_sliding_window=True,
                          sliding_window=10, max_window_layers=1),
    "qwen3": model("Qwen3", model_type="qwen3", hidden_act="silu", tie_word_embeddings=True, rms_norm_eps=1e-6, head_dim=32,
                   attention_bias=False, rope_scaling=None, use_sliding_window=False, sliding_window=None, max_window_layers=2),
    "smollm3": model("SmolLM3", model_type="smollm3", hidden_act="silu", tie_word_embeddings=True, rms_norm_eps=1e-6, num_hidden_layers=5,
                     attention_bias=False, mlp_bias=False, no_rope_layer_interval=4, no_rope_layers=[1, 1, 1, 0, 1],
                     layer_types=["full_attention"] * 5, rope_scaling=None, use_sliding_window=False, sliding_window=None,
                     max_window_layers=5),
    "phi3": phi(intermediate_size=96, rope_scaling=None, sliding_window=13, original_max_position_embeddings=512),
    "phi4mini": phi(**longrope(64)),
    "arcee": model("Arcee", model_type="arcee", hidden_act="relu2", attention_bias=False, mlp_bias=False, max_position_embeddings=2048,
                   rope_scaling={"factor": 4.0, "original_max_position_embeddings": 512, "rope_type": "yarn", "mscale": 1.0,
                                 "beta_fast": 32.0, "beta_slow": 1.0}),
    "gemma2": gemma2(),
    "gemma3": gemma3(),
    "gemma3-linear": gemma3(query_pre_attn_scalar=32, rope_scaling={"factor": 8.0, "rope_type": "linear"}),
}

# What is special in each, switched off.
NO_WINDOW = {"sliding_window": 4096}
NO_SCALING = {"rope_scaling": None}
ABLATIONS = {
    "llama3": [NO_SCALING],
    "llama-linear": [NO_SCALING],
    "llama-yarn": [NO_SCALING, {"rope_scaling": {"factor": 4.0, "type": "linear"}}],
    "mistral": [NO_WINDOW, {"sliding_window": 12}],
    "ministral": [NO_WINDOW, {"sliding_window": 12}, {"layer_types": ["sliding_attention"] * 3}],
    "qwen2-window": [{"use_sliding_window": False}, {"sliding_window": 11}, {"max_window_layers": 2}],
    "smollm3": [{"no_rope_layers": [1] * 5}],
    "phi3": [NO_WINDOW, {"sliding_window": 14}],
    "phi4mini": [{"partial_rotary_factor": 1.0, "rope_scaling": None}, longrope(24)],
    "arcee": [NO_SCALING, {"rope_scaling": {"factor": 4.0, "type": "linear"}}, {"hidden_act": "relu"}],
    "gemma2": [NO_WINDOW, {"sliding_window": 13}, {"attn_logit_softcapping": None}, {"final_logit_softcapping": None},
               {"query_pre_attn_scalar": 32}],
    "gemma3": [NO_WINDOW, {"sliding_window": 10}, {"query_pre_attn_scalar": 32}, {"rope_local_base_freq": 1000000.0}, {"rope_theta": 10000.0},
               {"sliding_window_pattern": 2}],
    "gemma3-linear": [{"rope_scaling": None}],
}


# ---- what transformers computes ----

class ValueHeads(modeling_llama.LlamaAttention):
    """Llama's attention, in which a head of values may have another size than one of queries and keys."""

    def __init__(self, config, layer_idx):
        super().__init__(config, layer_idx)
        size = getattr(config, "v_head_dim", self.head_dim)
        self.v_proj = torch.nn.Linear(config.hidden_size, config.num_key_value_heads * size, bias=False)
        self.o_proj = torch.nn.Linear(config.num_attention_heads * size, config.hidden_size, bias=False)

    def forward(self, hidden_states, position_embeddings=None, attention_mask=None, past_key_values=None, **kwargs):
        shape = hidden_states.shape[:-1]
        heads = lambda x, count: x.view(*shape, count, -1).transpose(1, 2)  # noqa: E731
        q = heads(self.q_proj(hidden_states), self.config.num_attention_heads)
        k, v = (heads(x, self.config.num_key_value_heads) for x in (self.k_proj(hidden_states), self.v_proj(hidden_states)))
        q, k = modeling_llama.apply_rotary_pos_emb(q, k, *position_embeddings)
        out, weights = modeling_llama.eager_attention_forward(self, q, k, v, attention_mask, scaling=self.scaling)
        return self.o_proj(out.reshape(*shape, -1)), weights


modeling_llama.LlamaAttention = ValueHeads



def config_of(hub):
    hub = copy.deepcopy(hub)
    return transformers.AutoConfig.for_model(hub.pop("model_type"), **hub)


def make(hub, tensors=None):
    """The model and how its tensors are filled."""
    config = config_of(hub)
    made = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
    how = {name: how_filled(name, list(p.shape), hub["model_type"].startswith("gemma")) for name, p in made.named_parameters()}
    values = fill_all(how)
    with torch.no_grad():
        for name, p in made.named_parameters():
            p.copy_(values[name])
            p.requires_grad_(False)
    return made, how


def logits_of(made, ids):
    return made(input_ids=torch.tensor([ids])).logits[0]


def loss_of(logits, ids):
    return cross_entropy(logits[:-1], torch.tensor(ids[1:]))


def filled_pairs(shapes):
    """{module: (in, out)} → how A and B are filled, by PEFT's names."""
    how = {}
    for module, (inputs, outputs) in shapes.items():
        how[f"base_model.model.{module}.lora_A.weight"] = [[RANK, inputs], round(1.7 / inputs**0.5, 3), 0.0]
        how[f"base_model.model.{module}.lora_B.weight"] = [[outputs, RANK], 0.3, 0.0]
    return how


def with_peft(hub, ids, out):
    made, _ = make(hub)
    targets = sorted({n.rsplit(".", 1)[1] for n, m in made.named_modules() if isinstance(m, torch.nn.Linear) and ".layers." in n})
    shapes = {n: (m.in_features, m.out_features) for n, m in made.named_modules() if n.rsplit(".", 1)[-1] in targets}
    adapter = {"rank": RANK, "alpha": ALPHA, "targets": targets, "tensors": filled_pairs(shapes)}
    tuned = get_peft_model(made, LoraConfig(task_type="CAUSAL_LM", r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=targets)).eval()
    values = fill_all(adapter["tensors"])
    masters = {n.replace(".default", ""): p for n, p in tuned.named_parameters() if ".lora_" in n}
    assert masters.keys() == values.keys()
    with torch.no_grad():
        for name, p in masters.items():
            p.copy_(values[name])
    logits = logits_of(tuned, ids)
    loss = loss_of(logits, ids)
    loss.backward()
    out["adapter.logits"] = logits[-LAST:].detach().clone()
    for name, p in masters.items():
        assert p.grad.abs().max() > 1e-6, name
        out[f"adapter.grad.{name}"] = p.grad.clone()
    adapter["loss"] = loss.item()
    return adapter


# ---- what is checked, and what is written ----

def check_features(name, hub, ids, logits):
    scale = logits.abs().max()
    shares = []
    with torch.no_grad():
        for change in ABLATIONS.get(name, []):
            other, _ = make({**hub, **change})
            shares.append(((logits_of(other, ids) - logits).abs().max() / scale).item())
            assert shares[-1] > 0.02, (name, change, shares[-1])
    return shares


def saved_config(config, folder):
    """As this transformers writes it, less what it carries along of the older form and does not read."""
    config.dtype = torch.bfloat16
    config.save_pretrained(folder)
    with open(os.path.join(folder, "config.json")) as f:
        saved = json.load(f)
    shutil.rmtree(folder)
    for key in ("sliding_window_pattern", "_sliding_window_pattern", "no_rope_layer_interval"):
        saved.pop(key, None)
    if "rope_type" in saved["rope_parameters"]:
        saved["rope_parameters"].pop("type", None)
    return saved


def write_folder(golden, folder, which="config"):
    """The Hugging Face folder of a golden, for other programs."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(golden[which], f, indent=1)
    save_file({n: v.to(torch.bfloat16) for n, v in fill_all(golden["tensors"]).items()}, os.path.join(folder, "model.safetensors"),
              metadata={"format": "pt"})


def write_adapter(golden, folder):
    """The PEFT folder of a golden's adapter, likewise."""
    os.makedirs(folder, exist_ok=True)
    adapter = golden["adapter"]
    LoraConfig(task_type="CAUSAL_LM", r=adapter["rank"], lora_alpha=adapter["alpha"], lora_dropout=0.0, target_modules=adapter["targets"],
               inference_mode=True).save_pretrained(folder)
    save_file(fill_all(adapter["tensors"]), os.path.join(folder, "adapter_model.safetensors"), metadata={"format": "pt"})


def check_folder(name, golden, logits):
    """Both forms of config.json, read from a folder, give the same model."""
    for which in ("hub", "config"):
        folder = f"/tmp/pith-family-{os.getpid()}"
        write_folder(golden, folder, which)
        made = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        shutil.rmtree(folder)
        with torch.no_grad():
            difference = ((logits_of(made, golden["ids"]) - logits).abs().max() / logits.abs().max()).item()
        assert difference < 1e-5, (name, which, difference)


def write_family(name, hub, folder):
    ids = ((fill(f"ids of {name}", [FEWER.get(name, TOKENS)], 0.5, 0.5) * (VOCAB - 3)).long().clamp(max=VOCAB - 4) + 3).tolist()
    made, how = make(hub)
    with torch.no_grad():
        logits = logits_of(made, ids)
    out = {"logits": logits.clone()}
    golden = {
        "versions": {"transformers": transformers.__version__, "peft": peft.__version__, "torch": torch.__version__},
        "hub": hub,
        "config": saved_config(made.config, f"/tmp/pith-config-{os.getpid()}"),
        "tensors": how,
        "ids": ids,
        "adapter": with_peft(hub, ids, out),
    }
    shares = check_features(name, hub, ids, logits)
    check_folder(name, golden, logits)
    save_file({n: v.contiguous() for n, v in out.items()}, os.path.join(folder, name + ".safetensors"))
    with open(os.path.join(folder, name + ".json"), "w") as f:
        rows = [f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in golden.items()]
        f.write("{" + ",\n".join(rows) + "}\n")
    size = sum(os.path.getsize(os.path.join(folder, name + end)) for end in (".json", ".safetensors"))
    attention = made(input_ids=torch.tensor([ids]), output_attentions=True).attentions
    peak = torch.stack([a[0, :, -1].max(-1).values.mean() for a in attention]).mean().item()
    print(f"{name:14} {size / 1024:6.1f} KiB  logits ±{logits.abs().max().item():.2f}  mean peak of attention {peak:.2f}  "
          f"features move them by {[round(s, 3) for s in shares]}")


def main(folder, names):
    os.makedirs(folder, exist_ok=True)
    transformers.logging.set_verbosity_error()
    for name, hub in FAMILIES.items():
        if not names or name in names:
            write_family(name, hub, folder)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
