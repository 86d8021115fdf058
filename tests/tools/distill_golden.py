"""Divergences from a teacher and their adapter gradients on the tiny model, by PyTorch, transformers and PEFT.

    python tests/tools/distill_golden.py tests/golden

Reads tiny-llama/ with tiny-lora/ as the teacher and with tiny-alora/ as the student, and the sequences of train/steps.json
(tests/tools/train_golden.py). Writes

  train/distill.json                                versions, per case the temperature and the mean divergence
  train/distill-{forward,reverse}.safetensors       the gradient of every lora_A and lora_B, float32, PEFT's names

Every sequence runs alone, unpadded, in float32; the divergences are torch's kl_div over the whole vocabulary.
"""

import json
import sys

import peft
import torch
import transformers
from peft import PeftModel
from safetensors.torch import save_file
from torch.nn.functional import kl_div, log_softmax
from transformers import AutoModelForCausalLM

CASES = {"forward": 2.0, "reverse": 0.7}


def log_probs(model, s, temperature):
    ids = torch.tensor([s["prompt"] + s["response"]])
    n = len(s["prompt"])
    return log_softmax(model(input_ids=ids).logits[0, n - 1 : -1].float() / temperature, -1)


def main(folder):
    def load(adapter, trainable):
        base = AutoModelForCausalLM.from_pretrained(f"{folder}/tiny-llama", dtype=torch.float32)
        return PeftModel.from_pretrained(base, f"{folder}/{adapter}", is_trainable=trainable).eval()

    sequences = json.load(open(f"{folder}/train/steps.json"))["adapters"]["alora"]["sequences"]
    teacher, student = load("tiny-lora", False), load("tiny-alora", True)
    tokens = sum(len(s["response"]) for s in sequences)
    out = {"versions": {"transformers": transformers.__version__, "peft": peft.__version__, "torch": torch.__version__}, "cases": {}}
    for name, temperature in CASES.items():
        total = torch.zeros(())
        nll = {"student": 0.0, "teacher": 0.0}
        for s in sequences:
            q = log_probs(student, s, temperature)
            with torch.no_grad():
                p = log_probs(teacher, s, temperature)
            chosen = torch.tensor(s["response"])[:, None]
            nll["student"] -= q.gather(1, chosen).sum().item()
            nll["teacher"] -= p.gather(1, chosen).sum().item()
            # kl_div(input, target) is KL(target ‖ input).
            total = total + (kl_div(q, p, reduction="sum", log_target=True) if name == "forward" else kl_div(p, q, reduction="sum", log_target=True))
        loss = total / tokens
        loss.backward()
        save_file({k.replace(".default", ""): v.grad.clone() for k, v in student.named_parameters() if v.grad is not None},
                  f"{folder}/train/distill-{name}.safetensors")
        student.zero_grad(set_to_none=True)
        out["cases"][name] = {"temperature": temperature, "divergence": loss.item(), "nll": nll["student"] / tokens, "teacher_nll": nll["teacher"] / tokens}
    json.dump(out, open(f"{folder}/train/distill.json", "w"), indent=1)


if __name__ == "__main__":
    main(sys.argv[1])
