"""Small PEFT folders as PEFT itself writes them, for tests/adapters.

    python tests/tools/peft_golden.py tests/golden/adapters

  peft-rslora/  rank 4, rsLoRA, alpha 6.5, dropout, aLoRA, q and v alone, bfloat16 tensors, on the shape of tiny-llama
  peft-rslora.json  {"versions", "seed", "scale", "values": [{"key", "row", "col", "value"}]} read back through PEFT
"""

import json
import os
import sys

import peft
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

SEED = 4


def main(folder):
    torch.manual_seed(SEED)
    base = LlamaForCausalLM(LlamaConfig(
        vocab_size=320, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, tie_word_embeddings=True))
    model = get_peft_model(base, LoraConfig(
        task_type="CAUSAL_LM", r=4, lora_alpha=6.5, lora_dropout=0.05, use_rslora=True, target_modules=["q_proj", "v_proj"],
        alora_invocation_tokens=[1, 67, 270]))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if ".lora_A." in name or ".lora_B." in name:
                p.copy_(torch.randn_like(p).to(torch.bfloat16))
    model.to(torch.bfloat16)
    model.peft_config["default"].base_model_name_or_path = "tiny-llama"
    out = os.path.join(folder, "peft-rslora")
    model.save_pretrained(out)
    readme = os.path.join(out, "README.md")
    if os.path.exists(readme):
        os.remove(readme)
    values = []
    for key, tensor in sorted(peft.get_peft_model_state_dict(model).items()):
        for row, col in [(0, 0), (tensor.shape[0] - 1, tensor.shape[1] - 1)]:
            values.append({"key": key, "row": row, "col": col, "value": tensor[row, col].item()})
    layer = model.base_model.model.model.layers[0].self_attn.q_proj
    with open(out + ".json", "w") as f:
        json.dump({"versions": {"peft": peft.__version__, "torch": torch.__version__}, "seed": SEED,
                   "scale": layer.scaling["default"], "values": values}, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
