"""Losses and adapter gradients of an SFT step and of a GRPO step on the tiny model, by PyTorch, transformers and PEFT.

    python tests/tools/train_golden.py tests/golden

Reads tiny-llama/, tiny-lora/ and tiny-alora/ (tests/tools/tiny_llama.py) and writes

  train/steps.json              sequences, the sampler's, old and reference log-probabilities, advantages, losses, versions
  train/{alora,lora}-{sft,grpo}.safetensors   the gradient of every lora_A and lora_B, float32, PEFT's names

Every sequence runs alone, unpadded, in float32: what batching, padding and prefix sharing must reproduce. The losses are
written out here from their papers' formulas, not taken from a trainer.
"""

import json
import os
import sys

import peft
import torch
import transformers
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

SEED = 20251121
TERMS = {"clip_epsilon_low": 0.2, "clip_epsilon_high": 0.28, "kl_beta": 0.05, "importance_cap": 1.1}
TEMPERATURE = 0.8


def log_probs(model, s, temperature):
    ids = torch.tensor([s["prompt"] + s["response"]])
    logits = model(input_ids=ids).logits[0].float() / temperature
    n = len(s["prompt"])
    logp = torch.log_softmax(logits[n - 1 : -1], -1)
    return logp.gather(1, ids[0, n:, None])[:, 0]


def gradients(model):
    out = {k.replace(".default", ""): p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    return out


def grpo_loss(logp, s, tokens):
    old, sampler, ref = (torch.tensor(s[k]) for k in ("old_logp", "sampler_logp", "ref_logp"))
    ratio = torch.exp(logp - old)
    a = s["advantage"]
    clipped = torch.clamp(ratio, 1 - TERMS["clip_epsilon_low"], 1 + TERMS["clip_epsilon_high"])
    weight = torch.clamp(torch.exp(old - sampler), max=TERMS["importance_cap"])
    d = ref - logp
    k3 = torch.exp(d) - d - 1
    return (-torch.minimum(ratio * a, clipped * a) * weight + TERMS["kl_beta"] * k3).sum() / tokens


def main(folder):
    g = torch.Generator().manual_seed(SEED)
    invocation = json.load(open(f"{folder}/tiny-alora/adapter_config.json"))["alora_invocation_tokens"]
    vocab = json.load(open(f"{folder}/tiny-llama/config.json"))["vocab_size"]

    def random_ids(n):
        return torch.randint(3, vocab, (n,), generator=g).tolist()

    common = random_ids(5)
    sequences = []
    for prompt, response in ((9, 7), (3, 12), (14, 2)):
        sequences.append({"prompt": common + random_ids(prompt) + invocation, "response": random_ids(response) + [2]})
    tokens = sum(len(s["response"]) for s in sequences)
    out = {"versions": {"transformers": transformers.__version__, "peft": peft.__version__, "torch": torch.__version__},
           "seed": SEED, "terms": TERMS, "temperature": TEMPERATURE, "adapters": {}}
    os.makedirs(f"{folder}/train", exist_ok=True)
    for kind in ("alora", "lora"):
        base = AutoModelForCausalLM.from_pretrained(f"{folder}/tiny-llama", dtype=torch.float32)
        model = PeftModel.from_pretrained(base, f"{folder}/tiny-{kind}", is_trainable=True).eval()
        entry = {"sequences": []}
        loss = -sum(log_probs(model, s, 1.0).sum() for s in sequences) / tokens
        loss.backward()
        entry["sft_loss"] = loss.item()
        save_file(gradients(model), f"{folder}/train/{kind}-sft.safetensors")
        total = 0.0
        for i, s in enumerate(sequences):
            s = dict(s)
            logp = log_probs(model, s, TEMPERATURE)
            n = len(logp)
            # Far enough apart that both clips, the cap and the KL act on some tokens.
            s["old_logp"] = (logp.detach() + 0.25 * torch.randn(n, generator=g)).tolist()
            s["sampler_logp"] = (torch.tensor(s["old_logp"]) + 0.15 * torch.randn(n, generator=g)).tolist()
            s["ref_logp"] = (logp.detach() + 0.3 * torch.randn(n, generator=g)).tolist()
            s["advantage"] = (1.25, -0.75, 0.5)[i]
            s["logp"] = logp.tolist()
            loss = grpo_loss(logp, s, tokens)
            loss.backward()
            total += loss.item()
            entry["sequences"].append(s)
        entry["grpo_loss"] = total
        save_file(gradients(model), f"{folder}/train/{kind}-grpo.safetensors")
        out["adapters"][kind] = entry
    json.dump(out, open(f"{folder}/train/steps.json", "w"), separators=(",", ":"))


if __name__ == "__main__":
    main(sys.argv[1])
