"""Writes what transformers computes in float32 with the demo model's GGUF (its weights dequantised exactly).

    python tests/tools/demo_logits_golden.py SmolLM2-135M-Instruct.Q4_1.gguf tests/golden/runtime/demo_logits.json

{"versions", "file", "prompts": [{"text", "ids", "positions": [{"position", "logsumexp", "norm", "top": [[id, logit] × 50]}],
 "greedy": [ids]}]}: norm is the root mean square of the position's logits; greedy is the continuation of 24 tokens.
"""

import json
import os
import sys

import torch
import transformers

PROMPTS = [
    "<|im_start|>user\nTom has 3 apples and buys 4 more. How many apples does he have?<|im_end|>\n<|im_start|>assistant\n",
    "The capital of France is Paris. The capital of Italy is",
    "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
]


def main(gguf, out):
    folder, name = os.path.split(os.path.abspath(gguf))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=name)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
    prompts = []
    with torch.no_grad():
        for text in PROMPTS:
            ids = tokenizer.encode(text, add_special_tokens=False)
            logits = model(input_ids=torch.tensor([ids])).logits[0]
            positions = []
            for position in sorted({0, 1, len(ids) // 2, len(ids) - 1}):
                row = logits[position].double()
                top = torch.topk(row, 50)
                positions.append({
                    "position": position,
                    "logsumexp": round(torch.logsumexp(row, 0).item(), 6),
                    "norm": round(row.square().mean().sqrt().item(), 6),
                    "top": [[i, round(v, 6)] for i, v in zip(top.indices.tolist(), top.values.tolist())],
                })
            greedy = list(ids)
            for _ in range(24):
                greedy.append(int(model(input_ids=torch.tensor([greedy])).logits[0, -1].argmax()))
            prompts.append({"text": text, "ids": ids, "positions": positions, "greedy": greedy[len(ids):]})
            print(repr(tokenizer.decode(greedy[len(ids):])))
    golden = {"versions": {"transformers": transformers.__version__, "torch": torch.__version__}, "file": name,
              "prompts": prompts}
    with open(out, "w") as f:
        json.dump(golden, f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
