"""The cases of policy_golden.py against TRL's own loss, by hand (needs trl; not run by CTest).

    python tests/tools/trl_check.py tests/golden

Calls GRPOTrainer._compute_loss on the golden completions, with log-probabilities and entropies of the tiny model, and prints the
differences of loss and gradient (with respect to the adapter). Cases that TRL has no name for are left out; where its batches
are micro-batches, one holds everything here, so that bnpo and the quantile agree too.
"""

import json
import sys
from collections import defaultdict
from types import SimpleNamespace

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from trl import GRPOTrainer

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import policy_golden as golden


def unnamed(c):
    """Options that TRL's GRPOTrainer lacks."""
    return (c["kl_in"] == "reward" or (c["kl_beta"] and c["kl_estimator"] != "k3"))


class Accelerator:
    num_processes, sync_gradients = 1, True
    gather = staticmethod(lambda x: x)
    reduce = staticmethod(lambda x, reduction: x)
    pad_across_processes = staticmethod(lambda x, dim, pad_index: x)


def trainer(c, logp, entropy):
    t = SimpleNamespace(
        accelerator=Accelerator(), model=SimpleNamespace(training=True), aux_loss_enabled=False, off_policy_mask_threshold=None,
        top_entropy_quantile=c["top_entropy_quantile"], beta=c["kl_beta"], epsilon_low=c["clip_epsilon_low"],
        epsilon_high=c["clip_epsilon_high"], loss_type="grpo" if c["loss"] == "gspo" else c["loss"],
        importance_sampling_level="sequence" if c["loss"] == "gspo" else c["importance_sampling_level"],
        use_vllm=True, vllm_importance_sampling_correction=c["sampler_correction"] != "none", current_gradient_accumulation_steps=1,
        max_completion_length=golden.MAX_TOKENS, entropy_coef=c["entropy_coef"], _entropy_bonus_enabled=c["entropy_coef"] > 0,
        use_adaptive_entropy=False, _metrics=defaultdict(lambda: defaultdict(list)),
        args=SimpleNamespace(delta=c["delta"] or None, use_bias_correction_kl=c["use_bias_correction_kl"], steps_per_generation=c["minibatches"]))
    t.get_high_entropy_mask = lambda *a: GRPOTrainer.get_high_entropy_mask(t, *a)
    t._get_per_token_logps_and_entropies = lambda *a, **k: (logp, entropy, None)
    return t


def pad(rows):
    return torch.nn.utils.rnn.pad_sequence([torch.stack(list(r)) if torch.is_tensor(r[0]) else torch.tensor(r, dtype=torch.float64) for r in rows],
                                           batch_first=True)


def main(folder):
    data = json.load(open(f"{folder}/train/policy/cases.json"))
    expected = load_file(f"{folder}/train/policy/gradients.safetensors")
    base = AutoModelForCausalLM.from_pretrained(f"{folder}/tiny-llama", dtype=torch.float32)
    model = PeftModel.from_pretrained(base, f"{folder}/train/policy/adapter", is_trainable=True).eval()
    worst = 0.0
    for name, case in data["cases"].items():
        c = golden.DEFAULTS | case["set"]
        if unnamed(c):
            continue
        work = [dict(s) for s in data["sequences"]]
        for i, s in enumerate(work):
            s["mask"] = [0.0 if c["mask_truncated"] and golden.TRUNCATED[i] else 1.0] * len(s["response"])
            s["logp"], s["entropy"] = golden.score(model, s)
            if name.endswith("first"):
                s["old"], s["sampler"] = [x.item() for x in s["logp"]], s["sampler-first"]
        items = torch.tensor(sum(sum(s["mask"]) for s in work))
        advantages = case["advantages"]
        if name.endswith("minibatch"):
            work, advantages = [work[i] for i in golden.MINIBATCH], [advantages[i] for i in golden.MINIBATCH]
        mask = pad([s["mask"] for s in work])
        width = mask.shape[1]
        inputs = {"prompt_ids": torch.zeros(len(work), 1), "prompt_mask": torch.ones(len(work), 1), "completion_ids": torch.zeros(len(work), width),
                  "completion_mask": mask, "advantages": torch.tensor(advantages, dtype=torch.float64),
                  "old_per_token_logps": pad([s["old"] for s in work]), "ref_per_token_logps": pad([s["ref"] for s in work]),
                  "num_items_in_batch": items,
                  "importance_sampling_ratio": pad([golden.correction(c, s) for s in work])}
        t = trainer(c, pad([s["logp"] for s in work]), pad([s["entropy"] for s in work]))
        loss = GRPOTrainer._compute_loss(t, model, inputs)
        loss.backward()
        off, tensors = 0.0, 0
        for p_name, p in model.named_parameters():
            if p.grad is not None:
                tensors += 1
                want = expected[f"{name}|{p_name.replace('.default', '')}"]
                off = max(off, ((p.grad - want).abs().max() / want.abs().max()).item())
        assert tensors == len(expected) / len(data["cases"]), (name, tensors)
        model.zero_grad(set_to_none=True)
        worst = max(worst, off, abs(loss.item() - case["loss"]))
        print(f"{name:26s} loss {loss.item():10.6f} off by {abs(loss.item() - case['loss']):.1e}, gradients by {off:.1e} of the largest")
    print(f"worst {worst:.1e}")
    sys.exit(worst > 1e-4)


if __name__ == "__main__":
    main(sys.argv[1])
