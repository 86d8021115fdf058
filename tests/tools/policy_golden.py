"""Every policy loss with every option on the tiny model: advantages, value and adapter gradients, written from the papers.

    python tests/tools/policy_golden.py tests/golden

Reads tiny-llama/ and writes

  train/policy/adapter/            a rank-2 aLoRA on q_proj, v_proj and down_proj, by PEFT
  train/policy/cases.json          completions, log-probabilities, and per case: settings, advantages, loss
  train/policy/gradients.safetensors   CASE|PEFT's name: float32

Nothing here is a trainer's code: plain loops over single tokens of single sequences, losses in float64 over the model's float32
logits, one sequence at a time without padding. Papers: GRPO 2402.03300, DAPO 2503.14476, Dr. GRPO 2503.20783, CISPO 2506.13585,
GSPO 2507.18071, two-sided clipping 2505.07291, high-entropy tokens 2506.01939, RLOO 2402.14740, REINFORCE++ 2501.03262,
bias-corrected KL 2512.02556; bnpo as TRL describes it.
"""

import json
import math
import os
import sys

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

SEED = 20251129
TEMPERATURE = 0.8
MAX_TOKENS = 16
GROUP = 2
LENGTHS = [9, 4, 14, 2, 6, 11]
TRUNCATED = [False, False, True, False, False, True]
SHIFTS = [0.06, 0.09, -0.05, 0.01, 0.05, -0.05]  # of a completion's mean log-ratio, so that whole sequences are clipped too
REWARDS = [1.0, 0.25, 0.0, 0.75, 0.5, 0.5]  # the last group is flat

DEFAULTS = {"loss": "dapo", "importance_sampling_level": "token", "clip_epsilon_low": 0.2, "clip_epsilon_high": 0.28, "delta": 0,
            "kl_beta": 0, "kl_estimator": "k3", "kl_in": "loss", "use_bias_correction_kl": False, "entropy_coef": 0,
            "top_entropy_quantile": 1, "sampler_correction": "none", "importance_cap": 2, "importance_floor": 0,
            "mask_truncated": False, "advantage": "group", "scale_rewards": "batch", "minibatches": 1}

GSPO = {"loss": "gspo", "clip_epsilon_low": 0.02, "clip_epsilon_high": 0.03}
CISPO = {"loss": "cispo", "clip_epsilon_high": 1.1}
KL = {"kl_beta": 0.3}

CASES = {
    "first": {},
    "dapo": {}, "grpo": {"loss": "grpo"}, "bnpo": {"loss": "bnpo"}, "dr_grpo": {"loss": "dr_grpo"}, "cispo": CISPO, "gspo": GSPO,
    "gspo-first": GSPO,
    "dapo-sequence": {"importance_sampling_level": "sequence", "clip_epsilon_low": 0.02, "clip_epsilon_high": 0.03},
    "cispo-sequence": CISPO | {"importance_sampling_level": "sequence", "clip_epsilon_high": 1.02},
    "grpo-delta": {"loss": "grpo", "clip_epsilon_high": 0.1, "delta": 1.15},
    "bnpo-delta": {"loss": "bnpo", "clip_epsilon_high": 0.1, "delta": 1.15},
    "dr_grpo-delta": {"loss": "dr_grpo", "clip_epsilon_high": 0.1, "delta": 1.15},
    "dapo-delta": {"clip_epsilon_high": 0.1, "delta": 1.15},
    "gspo-delta": GSPO | {"delta": 1.04},
    "entropy": {"entropy_coef": 0.2},
    "gspo-entropy": GSPO | {"entropy_coef": 0.2},
    "quantile": {"top_entropy_quantile": 0.3},
    "grpo-quantile-entropy": {"loss": "grpo", "top_entropy_quantile": 0.3, "entropy_coef": 0.2},
    "gspo-quantile": GSPO | {"top_entropy_quantile": 0.3},
    "k1": KL | {"kl_estimator": "k1"}, "k2": KL | {"kl_estimator": "k2"}, "k3": KL,
    "k1-ratio": KL | {"kl_estimator": "k1", "use_bias_correction_kl": True},
    "k2-ratio": KL | {"kl_estimator": "k2", "use_bias_correction_kl": True, "loss": "grpo"},
    "k3-ratio": KL | {"use_bias_correction_kl": True},
    "k3-ratio-first": KL | {"use_bias_correction_kl": True},
    "gspo-k3-ratio": GSPO | KL | {"use_bias_correction_kl": True},
    "k1-reward": KL | {"kl_estimator": "k1", "kl_in": "reward", "advantage": "rloo"},
    "k2-reward": KL | {"kl_estimator": "k2", "kl_in": "reward"},
    "k3-reward": KL | {"kl_in": "reward", "advantage": "reinforce_pp"},
    "token-truncate": {"sampler_correction": "token_truncate", "importance_cap": 1.1, "importance_floor": 0.9},
    "token-truncate-first": {"sampler_correction": "token_truncate", "importance_cap": 1.1, "importance_floor": 0.9},
    "token-mask": {"sampler_correction": "token_mask", "importance_cap": 1.1, "importance_floor": 0.9},
    "sequence-truncate": {"sampler_correction": "sequence_truncate", "importance_cap": 1.3, "importance_floor": 0.9},
    "sequence-truncate-first": {"sampler_correction": "sequence_truncate", "importance_cap": 1.3, "importance_floor": 0.9},
    "sequence-mask": {"sampler_correction": "sequence_mask", "importance_cap": 1.3, "importance_floor": 0.8, "loss": "grpo"},
    "gspo-token-truncate": GSPO | {"sampler_correction": "token_truncate", "importance_cap": 1.1},
    "grpo-masked": {"loss": "grpo", "mask_truncated": True}, "dr_grpo-masked": {"loss": "dr_grpo", "mask_truncated": True},
    "dapo-masked": {"mask_truncated": True, "kl_beta": 0.1},
    "dapo-minibatch": {"minibatches": 2}, "bnpo-minibatch": {"loss": "bnpo", "minibatches": 2},
    "cispo-minibatch": CISPO | {"minibatches": 2}, "grpo-minibatch": {"loss": "grpo", "minibatches": 2},
    "scale-group": {"scale_rewards": "group"}, "scale-none": {"scale_rewards": "none"},
    "rloo": {"advantage": "rloo"}, "rloo-none": {"advantage": "rloo", "scale_rewards": "none"},
    "reinforce_pp": {"advantage": "reinforce_pp"}, "reinforce_pp_baseline": {"advantage": "reinforce_pp_baseline"},
}
MINIBATCH = [0, 3, 4]  # the completions of the cases named so


def mean(xs):
    return sum(xs) / len(xs)


def std(xs):
    m = mean(xs)
    return math.sqrt(sum((x - m) ** 2 for x in xs) / (len(xs) - 1))


def advantages(c, rewards):
    groups = [rewards[i : i + GROUP] for i in range(0, len(rewards), GROUP)]
    eps = 1e-4
    if c["advantage"] == "group":
        spread = {"group": lambda g: std(g) + eps, "batch": lambda g: std(rewards) + eps, "none": lambda g: 1.0}[c["scale_rewards"]]
        return [(r - mean(g)) / spread(g) for g in groups for r in g]
    if c["advantage"] == "rloo":
        a = [r - mean(g[:i] + g[i + 1 :]) for g in groups for i, r in enumerate(g)]
        return a if c["scale_rewards"] == "none" else [(x - mean(a)) / (std(a) + eps) for x in a]
    if c["advantage"] == "reinforce_pp":
        return [(r - mean(rewards)) / (std(rewards) + eps) for r in rewards]
    a = [r - mean(g) for g in groups for r in g]
    return [(x - mean(a)) / (std(a) + eps) for x in a]


def token_advantages(rewards, beta, kl):
    """REINFORCE++ 2501.03262: A_t = R − β Σ_{i>=t} KL(i), normalised over the tokens of the batch."""
    a = [[r - beta * sum(ks[t:]) for t in range(len(ks))] for r, ks in zip(rewards, kl)]
    every = [x for xs in a for x in xs]
    return [[(x - mean(every)) / (std(every) + 1e-4) for x in xs] for xs in a]


def k(name, logp, ref):
    d = ref - logp
    return {"k1": lambda: -d, "k2": lambda: d * d / 2, "k3": lambda: (math.e**d if isinstance(d, float) else d.exp()) - d - 1}[name]()


def score(model, s):
    """Per token: log p and entropy, float64, differentiable."""
    ids = torch.tensor([s["prompt"] + s["response"]])
    logits = model(input_ids=ids).logits[0].double() / TEMPERATURE
    n = len(s["prompt"])
    logp, entropy = [], []
    for t, token in enumerate(s["response"]):
        all_logp = torch.log_softmax(logits[n - 1 + t], -1)
        logp.append(all_logp[token])
        entropy.append(-(all_logp.exp() * all_logp).sum())
    return logp, entropy


def correction(c, s):
    """The sampler's weight of each token."""
    d = [o - p for o, p in zip(s["old"], s["sampler"])]
    if c["sampler_correction"] == "none":
        return [1.0] * len(d)
    level, kind = c["sampler_correction"].split("_")
    ratios = [math.exp(x) for x in d] if level == "token" else [math.exp(sum(d))] * len(d)
    lo, hi = c["importance_floor"], c["importance_cap"]
    if kind == "truncate":
        return [min(max(r, lo), hi) for r in ratios]
    return [r if lo <= r <= hi else 0.0 for r in ratios]


def threshold(entropies, quantile):
    """The (1 − quantile) quantile, linear between neighbours."""
    xs = sorted(entropies)
    place = (1 - quantile) * (len(xs) - 1)
    below = int(place)
    return xs[below] + (place - below) * (xs[min(below + 1, len(xs) - 1)] - xs[below])


def policy_loss(c, sequences, batch, rollout_tokens, acts):
    """`batch`: completions of the optimiser batch, masked ones too. `sequences` hold logp and entropy (differentiable). What made
    a difference to some token is added to `acts`."""
    unmasked = [i for i in batch if not (c["mask_truncated"] and TRUNCATED[i])]
    batch_tokens = sum(LENGTHS[i] for i in unmasked)
    cut = threshold([h.item() for i in unmasked for h in sequences[i]["entropy"]], c["top_entropy_quantile"]) if c["top_entropy_quantile"] < 1 else -1
    sequence_level = c["loss"] == "gspo" or c["importance_sampling_level"] == "sequence"
    total, entropy, kept_tokens = 0.0, 0.0, 0
    for i in unmasked:
        s, n = sequences[i], LENGTHS[i]
        log_ratio = [l - o for l, o in zip(s["logp"], s["old"])]
        if sequence_level:
            log_ratio = [sum(log_ratio) / n] * n
        weight = correction(c, s)
        terms = []
        for t in range(n):
            r, a = log_ratio[t].exp(), s["advantage"][t] if isinstance(s["advantage"], list) else s["advantage"]
            if c["loss"] == "cispo":
                loss = -min(r.item(), c["clip_epsilon_high"]) * a * s["logp"][t]
                acts |= {"cap of cispo"} if a and r > c["clip_epsilon_high"] else set()
            else:
                first = torch.clamp(r, max=c["delta"]) if c["delta"] else r
                clipped = torch.clamp(r, 1 - c["clip_epsilon_low"], 1 + c["clip_epsilon_high"])
                loss = -torch.minimum(first * a, clipped * a)
                acts |= {"high"} if a > 0 and r > 1 + c["clip_epsilon_high"] else {"low"} if a < 0 and r < 1 - c["clip_epsilon_low"] else set()
                acts |= {"delta"} if a < 0 and c["delta"] and r > c["delta"] else set()
            keep = s["entropy"][t].item() >= cut
            loss = loss * weight[t] * keep
            acts |= {{True: "dropped"}.get(not keep, ""), {c["importance_floor"]: "floor", c["importance_cap"]: "cap", 0.0: "masked"}.get(weight[t], "") if a else ""}
            if c["kl_beta"] and c["kl_in"] == "loss":
                kl = k(c["kl_estimator"], s["logp"][t], s["ref"][t])
                loss = loss + c["kl_beta"] * (kl * r if c["use_bias_correction_kl"] else kl)
            terms.append(loss)
            if keep:
                entropy, kept_tokens = entropy + s["entropy"][t], kept_tokens + 1
        if c["loss"] in ("grpo", "gspo"):
            total = total + sum(terms) / n / len(batch)
        elif c["loss"] == "dr_grpo":
            total = total + sum(terms) / (len(batch) * MAX_TOKENS)
        elif c["loss"] == "bnpo":
            total = total + sum(terms) / batch_tokens
        else:
            total = total + sum(terms) * c["minibatches"] / rollout_tokens
    if c["entropy_coef"]:
        total = total - c["entropy_coef"] * entropy / kept_tokens
    return total


def make_adapter(folder, invocation, generator):
    base = AutoModelForCausalLM.from_pretrained(f"{folder}/tiny-llama", dtype=torch.float32)
    config = LoraConfig(task_type="CAUSAL_LM", r=2, lora_alpha=4, lora_dropout=0.0, target_modules=["q_proj", "v_proj", "down_proj"],
                        alora_invocation_tokens=invocation)
    model = get_peft_model(base, config)
    for name, p in model.named_parameters():
        if "lora_" in name:
            p.data = torch.randn(p.shape, generator=generator) * 0.3
    base.config._name_or_path = "tiny-llama"
    model.peft_config["default"].base_model_name_or_path = "tiny-llama"
    model.save_pretrained(f"{folder}/train/policy/adapter", save_embedding_layers=False)
    if os.path.exists(f"{folder}/train/policy/adapter/README.md"):
        os.remove(f"{folder}/train/policy/adapter/README.md")
    return model.eval()


def main(folder):
    torch.manual_seed(SEED)
    g = torch.Generator().manual_seed(SEED)
    os.makedirs(f"{folder}/train/policy", exist_ok=True)
    invocation = json.load(open(f"{folder}/tiny-alora/adapter_config.json"))["alora_invocation_tokens"]
    vocab = json.load(open(f"{folder}/tiny-llama/config.json"))["vocab_size"]
    model = make_adapter(folder, invocation, g)

    def random_ids(n):
        return torch.randint(3, vocab, (n,), generator=g).tolist()

    def noisy(xs, spread):
        return [(x + spread * torch.randn((), generator=g).item()) for x in xs]

    prompts = [random_ids(n) + invocation for n in (9, 3, 14)]
    sequences = []
    for i, n in enumerate(LENGTHS):
        s = {"prompt": prompts[i // GROUP], "response": random_ids(n) if TRUNCATED[i] else random_ids(n - 1) + [2]}
        s["now"] = [x.item() for x in score(model, s)[0]]
        # Far enough apart that clips, caps, floors and masks act on some tokens and sequences and not on others.
        s["old"] = noisy([x - SHIFTS[i] for x in s["now"]], 0.2)
        s["sampler"] = noisy(s["old"], 0.15)
        s["sampler-first"] = noisy(s["now"], 0.15)
        s["ref"] = noisy(s["now"], 0.3)
        sequences.append(s)
    out = {"versions": {"transformers": transformers.__version__, "peft": peft.__version__, "torch": torch.__version__}, "seed": SEED,
           "temperature": TEMPERATURE, "max_tokens": MAX_TOKENS, "group": GROUP, "rewards": REWARDS, "truncated": TRUNCATED,
           "sequences": [{key: [round(x, 6) if isinstance(x, float) else x for x in v] for key, v in s.items()} for s in sequences],
           "minibatch": MINIBATCH, "cases": {}}
    gradients = {}
    for name, settings in CASES.items():
        c = DEFAULTS | settings
        work = [json.loads(json.dumps(s)) for s in out["sequences"]]
        for s in work:
            s["logp"], s["entropy"] = score(model, s)
            if name.endswith("first"):  # the update that defines old: the ratio is 1, with a gradient
                s["old"], s["sampler"] = [x.item() for x in s["logp"]], s["sampler-first"]
        rewards = list(REWARDS)
        kl = [[k(c["kl_estimator"], o, f) for o, f in zip(s["old"], s["ref"])] for s in work]
        per_token = c["kl_in"] == "reward" and c["advantage"] == "reinforce_pp"
        if c["kl_in"] == "reward" and not per_token:
            rewards = [r - c["kl_beta"] * sum(ks) for r, ks in zip(rewards, kl)]
        for s, a in zip(work, token_advantages(rewards, c["kl_beta"], kl) if per_token else advantages(c, rewards)):
            s["advantage"] = a
        batch = MINIBATCH if name.endswith("minibatch") else list(range(len(work)))
        tokens = sum(n for n, t in zip(LENGTHS, TRUNCATED) if not (c["mask_truncated"] and t))
        acts = set()
        loss = policy_loss(c, work, batch, tokens, acts)
        if not name.endswith(("first", "minibatch", "masked")):
            expected = {"cap of cispo"} if c["loss"] == "cispo" else {"high", "low"}
            expected |= ({"delta"} if c["delta"] else set()) | ({"dropped"} if c["top_entropy_quantile"] < 1 else set())
            assert expected <= acts, (name, acts)
        if "mask" in c["sampler_correction"]:
            assert "masked" in acts, (name, acts)
        elif c["sampler_correction"] != "none":
            assert "cap" in acts and ("floor" in acts or not c["importance_floor"]), (name, acts)
        loss.backward()
        for p_name, p in model.named_parameters():
            if p.grad is not None:
                gradients[f"{name}|{p_name.replace('.default', '')}"] = p.grad.float().clone()
        model.zero_grad(set_to_none=True)
        out["cases"][name] = {"set": settings, "advantages": [s["advantage"] for s in work], "loss": loss.item()}
        print(f"{name:26s} {loss.item():.6f} {sorted(acts - {''})}")
    save_file(gradients, f"{folder}/train/policy/gradients.safetensors")
    for path in ("gradients.safetensors", "adapter/adapter_model.safetensors"):
        os.chmod(f"{folder}/train/policy/{path}", 0o644)
    json.dump(out, open(f"{folder}/train/policy/cases.json", "w"), separators=(",", ":"))


if __name__ == "__main__":
    main(sys.argv[1])
