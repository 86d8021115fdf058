"""Writes the tiny model that many tests share, two adapters for it, and what transformers and PEFT compute with them.

    python tests/tools/tiny_llama.py tests/golden

  tiny-llama/        random Llama (bf16, 2 layers, d 64, 4 heads, 2 KV heads, tied embeddings), byte-level BPE, chat template
  tiny-lora/         PEFT LoRA, rank 8, every linear layer, random A and B
  tiny-alora/        the same kind, activated by the template's generation prompt
  tiny-logits.json   float32 logits: {"versions", "seed", "invocation", "sequences": [{"ids", "base", "lora", "alora"}]}
"""

import json
import os
import sys

import peft
import tokenizers
import torch
import transformers
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SEED = 20250730
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou do sums.<|im_end|>\n' }}"
    "{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CORPUS = [
    "system user assistant system user assistant You do sums. assistant user",
    "Tom has 3 apples and buys 4 more. How many apples does he have? 3 + 4 = 7. #### 7",
    "Each of the 12 boxes holds 6 pens. The answer is 72 pens.",
    "She gives away half of them, then the rest is shared by the 5 children.",
] * 4
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def make_tokenizer():
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tok.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=SPECIAL, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tok.train_from_iterator(CORPUS, trainer)
    assert tok.get_vocab_size() == 320
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tok, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|im_end|>", unk_token="<|endoftext|>"
    )
    fast.chat_template = TEMPLATE
    return fast


def make_model():
    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=320, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, rope_theta=10000.0, rms_norm_eps=1e-5,
        tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=2,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            # Wide enough that attention is far from uniform and a wrong rotary layout shows.
            p.copy_(1 + 0.2 * torch.randn_like(p) if p.dim() == 1 else torch.randn_like(p) * 1.3 / p.shape[1] ** 0.5)
    return model.to(torch.bfloat16)


def make_adapter(folder, base, invocation, seed, path):
    torch.manual_seed(seed)
    model = LlamaForCausalLM.from_pretrained(base, dtype=torch.float32)
    config = LoraConfig(
        task_type="CAUSAL_LM", r=8, lora_alpha=16, lora_dropout=0.0, target_modules=TARGETS, alora_invocation_tokens=invocation
    )
    model = get_peft_model(model, config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if ".lora_A." in name or ".lora_B." in name:
                p.copy_(torch.randn_like(p) * 0.15)
    model.peft_config["default"].base_model_name_or_path = "tiny-llama"
    model.save_pretrained(path)
    readme = os.path.join(path, "README.md")
    if os.path.exists(readme):
        os.remove(readme)
    return model.eval()


def main(folder):
    base = os.path.join(folder, "tiny-llama")
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(base)
    make_model().save_pretrained(base)
    invocation = tokenizer.encode("<|im_start|>assistant\n", add_special_tokens=False)
    lora = make_adapter(folder, base, None, SEED + 1, os.path.join(folder, "tiny-lora"))
    alora = make_adapter(folder, base, invocation, SEED + 2, os.path.join(folder, "tiny-alora"))
    plain = LlamaForCausalLM.from_pretrained(base, dtype=torch.float32).eval()

    rng = torch.Generator().manual_seed(SEED + 3)
    noise = lambda n: torch.randint(3, 320, (n,), generator=rng).tolist()
    sequences = [
        noise(6) + invocation + noise(8),
        noise(3) + invocation + noise(3) + invocation + noise(4),  # the last match counts
        noise(9),  # no invocation: the activated adapter stays off
    ]
    result = []
    with torch.no_grad():
        for ids in sequences:
            x = torch.tensor([ids])
            row = {"ids": ids}
            for name, model in [("base", plain), ("lora", lora), ("alora", alora)]:
                logits = model(input_ids=x).logits[0].float()
                row[name] = [[float(f"{v:.7g}") for v in line] for line in logits.tolist()]
            result.append(row)
    golden = {
        "versions": {"transformers": transformers.__version__, "peft": peft.__version__, "torch": torch.__version__,
                     "tokenizers": tokenizers.__version__},
        "seed": SEED,
        "invocation": invocation,
        "sequences": result,
    }
    with open(os.path.join(folder, "tiny-logits.json"), "w") as f:
        json.dump(golden, f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
