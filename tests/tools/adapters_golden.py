"""Kinds of adapters as PEFT writes and computes them on tests/golden/tiny-llama, for tests/adapters, tests/export and tests/train.

    python tests/tools/adapters_golden.py tests/golden

  adapters/patterns.json      {"modules": […], "keys": [{"key", "matches": [places in modules]}]} by PEFT's own get_pattern_key
  adapters/peft-patterns/     rank_pattern (a suffix, a regular expression, a full name), alpha_pattern, rsLoRA
  adapters/peft-dora/         use_dora
  adapters/peft-NAME.json     {"ids", "prompt" (so many of them carry no loss), "loss", "scales": {module: s}, "versions", "seed"}
  adapters/peft-NAME.safetensors  logits (T × V) and, by PEFT's names, the gradient of the loss
  adapters/pissa.{json,safetensors}   PiSSA's start as PEFT computes it (start.A, start.B), steps from there (step.A, step.B), and logits,
                              loss and gradients (grad.A, grad.B) after these steps, with PEFT's residual base

The loss is the mean of −log p over the response. A component's sign is free in a decomposition: here, as in pith, the largest entry of
its row of A is positive.
"""

import json
import os
import sys

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from peft.utils.other import get_pattern_key
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

SEED = 20261121
PROMPT = 5
VERSIONS = {"transformers": transformers.__version__, "peft": peft.__version__, "torch": torch.__version__}

KEYS = [
    "down_proj", "q_proj", "proj", ".*_proj", "mlp.down_proj", "layers.3.mlp.up_proj", "model.layers.1.self_attn.q_proj",
    r"model\.layers\.1\.self_attn\.q_proj", r"layers\.[0-3]\..*", r"layers\.\d\.mlp\..*", r"layers\.1\d?\.mlp\.(gate|up)_proj",
    r"^model\.layers\.0\..*", r"^layers.*", r".*\.self_attn\.[^qk]_proj$", r"layers\.(?:2|7)\.self_attn\.\w+", "self_attn.(q|k)_proj|down_proj",
    r"layers\.1{2}\..*", r"layers\.1{1,2}\..*v_proj", r"layers\.\d{2,}\..*o_proj", r".*?gate_proj", r"[a-l.]*\D+\.0\.mlp.up_proj", "q_pro", "", "x*down_proj",
    r"(model\.)?layers\.5\.mlp\.down_proj", r"([0-9]+\.)+mlp\.up_proj", r"(a*)b", r"layers\.[\d]\.self_attn\.k_proj", r"layers\.[02-4]\.mlp\.[]du].*",
]


def case_base(folder):
    return AutoModelForCausalLM.from_pretrained(f"{folder}/tiny-llama", dtype=torch.float32)


def loss_and_logits(model, ids):
    logits = model(input_ids=torch.tensor([ids])).logits[0].float()
    logp = torch.log_softmax(logits[PROMPT - 1 : -1], -1)
    return -logp.gather(1, torch.tensor(ids[PROMPT:])[:, None]).mean(), logits


def write(path, ids, loss, tensors, more):
    save_file({k: v.detach().contiguous().float() for k, v in tensors.items()}, path + ".safetensors")
    with open(path + ".json", "w") as f:
        json.dump({"ids": ids, "prompt": PROMPT, "loss": loss.item(), "versions": VERSIONS, "seed": SEED} | more, f, indent=1)
        f.write("\n")


def randomise(model, generator):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if ".lora_A." in name or ".lora_B." in name:
                p.copy_(torch.randn(p.shape, generator=generator) * 0.2)
            elif "lora_magnitude_vector" in name:
                p.mul_(1 + 0.3 * torch.randn(p.shape, generator=generator))


def peft_case(folder, name, generator, ids, **options):
    model = get_peft_model(case_base(folder), LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **options)).eval()
    randomise(model, generator)
    model.peft_config["default"].base_model_name_or_path = "tiny-llama"
    out = f"{folder}/adapters/peft-{name}"
    model.save_pretrained(out)
    if os.path.exists(out + "/README.md"):
        os.remove(out + "/README.md")
    loss, logits = loss_and_logits(model, ids)
    loss.backward()
    tensors = {"logits": logits}
    scales = {}
    for key, p in model.named_parameters():
        if p.grad is not None:
            tensors[key.replace(".default", "").removesuffix(".weight") if "magnitude" in key else key.replace(".default", "")] = p.grad
    for key, module in model.named_modules():
        if isinstance(getattr(module, "scaling", None), dict) and "default" in module.scaling:
            scales[key.removeprefix("base_model.model.")] = module.scaling["default"]
    write(out, ids, loss, tensors, {"scales": scales})


def pissa(folder, generator, ids):
    model = get_peft_model(case_base(folder), LoraConfig(
        task_type="CAUSAL_LM", r=3, lora_alpha=6, lora_dropout=0.0, init_lora_weights="pissa", target_modules=["q_proj", "v_proj", "down_proj"])).eval()
    tensors, pairs = {}, []
    with torch.no_grad():
        for key, module in model.named_modules():
            if not hasattr(module, "lora_A") or "default" not in module.lora_A:
                continue
            a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
            largest = a.gather(1, a.abs().argmax(1, keepdim=True))
            sign = torch.where(largest < 0, -1.0, 1.0)
            a.mul_(sign)
            b.mul_(sign[:, 0])
            key = key.removeprefix("base_model.model.")
            step_a, step_b = (0.1 * torch.randn(p.shape, generator=generator) for p in (a, b))
            tensors |= {f"{key}.start.A": a.clone(), f"{key}.start.B": b.clone(), f"{key}.step.A": step_a, f"{key}.step.B": step_b}
            a.add_(step_a)
            b.add_(step_b)
            pairs.append((key, a, b))
    loss, logits = loss_and_logits(model, ids)
    loss.backward()
    for key, a, b in pairs:
        tensors |= {f"{key}.grad.A": a.grad, f"{key}.grad.B": b.grad}
    write(f"{folder}/adapters/pissa", ids, loss, tensors | {"logits": logits}, {"rank": 3, "alpha": 6})


def patterns(folder):
    modules = [f"model.layers.{layer}.{kind}" for layer in range(13) for kind in (
        "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")]
    missing = object()
    rows = [{"key": key, "matches": [i for i, m in enumerate(modules) if {key: key}.get(get_pattern_key([key], m), missing) is not missing]}
            for key in KEYS if key]
    with open(f"{folder}/adapters/patterns.json", "w") as f:
        json.dump({"versions": VERSIONS, "modules": modules, "keys": rows}, f, separators=(",", ":"))
        f.write("\n")


def main(folder):
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    ids = torch.randint(3, 320, (14,), generator=generator).tolist()
    patterns(folder)
    peft_case(folder, "patterns", generator, ids, r=3, lora_alpha=4, use_rslora=True,
              target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
              rank_pattern={"down_proj": 5, r".*layers\.1\.self_attn\.[qk]_proj": 2, "model.layers.0.mlp.up_proj": 1},
              alpha_pattern={"v_proj": 7, r"layers\.0\.mlp\..*": 2.5})
    peft_case(folder, "dora", generator, ids, r=3, lora_alpha=4, use_dora=True, target_modules=["q_proj", "v_proj", "up_proj", "down_proj"])
    pissa(folder, generator, ids)


if __name__ == "__main__":
    main(sys.argv[1])
