"""Writes the configurations of configs/models/ from the table below:  python3 configs/models/make.py

Each model has four: supervised warm-up and reinforcement learning, on GSM8K and on MATH. Learning rates are left to `auto`, which knows
the model's width; what differs is how long a model's answers are, and what fits a machine.
"""

import os
import re

# name: (repository, budgets and limits of GSM8K and of MATH in tokens, examples per micro-batch in SFT and in RL)
# The budget is a little less than what the model writes by itself; a limit leaves room for the penalty to fire, (1 + window) · budget at least.
MODELS = {
    "smollm2-360m": ("HuggingFaceTB/SmolLM2-360M-Instruct", (150, 320), (350, 768), 8, 16),
    "smollm2-1.7b": ("HuggingFaceTB/SmolLM2-1.7B-Instruct", (150, 320), (350, 768), 4, 8),
    "tinyllama-1.1b": ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", (150, 320), (350, 768), 4, 8),
    "gemma-3-270m": ("google/gemma-3-270m-it", (150, 320), (350, 768), 4, 8),
    "gemma-3-1b": ("google/gemma-3-1b-it", (200, 420), (450, 960), 4, 8),
    "llama-3.2-1b": ("meta-llama/Llama-3.2-1B-Instruct", (180, 400), (450, 960), 4, 8),
    "llama-3.2-3b": ("meta-llama/Llama-3.2-3B-Instruct", (180, 400), (450, 960), 2, 4),
    "qwen2.5-0.5b": ("Qwen/Qwen2.5-0.5B-Instruct", (200, 420), (450, 960), 8, 16),
    "qwen2.5-1.5b": ("Qwen/Qwen2.5-1.5B-Instruct", (200, 420), (450, 960), 4, 8),
    "qwen2.5-7b": ("Qwen/Qwen2.5-7B-Instruct", (200, 420), (450, 960), 1, 2),
    # These think before they answer: the budget is for both.
    "qwen3-0.6b": ("Qwen/Qwen3-0.6B", (700, 1536), (1600, 3584), 8, 4),
    "qwen3-1.7b": ("Qwen/Qwen3-1.7B", (700, 1536), (1600, 3584), 4, 2),
    "phi-4-mini": ("microsoft/Phi-4-mini-instruct", (200, 420), (450, 960), 2, 4),
}
DATA = {"gsm8k": ("GSM8K", 512, 150, 3.4e6), "math": ("MATH", 1024, 200, 4.5e6)}  # title, longest example of SFT in tokens, steps of RL, tokens of SFT in all
# What the demo model (135M) ran through a second on two Zen 4 cores in the quickstart: SFT's tokens, and RL's sampled ones with all that belongs to them.
SFT_RATE, RL_RATE, MEASURED_BILLIONS = 520, 266, 0.135

SFT = """# {title} with {repository}, step 1 of 2: supervised warm-up of the adapter on worked solutions.
# Takes about {sft_takes} on two cores, by arithmetic from the quickstart's time.
#
#   pith-train configs/models/{name}/{data}-sft.yaml
#   pith-train configs/models/{name}/{data}-sft.yaml --dry-run        how many steps, how much memory
name: {name}/{data}-sft
stage: sft

model:
  path: {repository}   # out of Hugging Face's cache; or the GGUF file that will be shipped

adapter:
  rank: 32
  alpha: 64

data:
  dataset: {data}
  split: train

sft:
  epochs: 2
  batch_size: 32
  micro_batch_size: {sft_micro}   # lower it when memory is short; the result stays the same
  max_length: {max_length}        # longer examples are dropped, and counted

optimizer:
  learning_rate: auto
  schedule: cosine
  warmup_steps: 20
  weight_decay: 0.01

log:
  save_every: 50
"""

RL = """# {title} with {repository}, step 2 of 2: reinforcement learning from the adapter of {data}-sft.yaml.
# Takes about {rl_takes} on two cores, by arithmetic from the quickstart's time.
#
#   pith-train configs/models/{name}/{data}-rl.yaml
name: {name}/{data}-rl
stage: rl
init_adapter: runs/{name}/{data}-sft/adapter

model:
  path: {repository}   # the same as in step 1

adapter:
  rank: 32
  alpha: 64

data:
  dataset: {data}
  split: train
  seed: 1

rl:
  steps: {steps}
  prompts_per_step: 16
  group_size: 8
  micro_batch_size: {rl_micro}   # lower it when memory is short; the result stays the same
  scale_rewards: batch
  clip_epsilon_low: 0.2
  clip_epsilon_high: 0.28   # more room upwards keeps unlikely but good tokens alive (DAPO)

rollout:
  max_completion_tokens: {limit}
  max_batch: 128

budget:
  tokens: {budget}
  window: 0.25          # full pay up to 0.75 · tokens, floor beyond 1.25 · tokens
  floor: 0.1            # a long right answer still beats a wrong one
  reserve_tokens: 32

reward:
  reading: strict
  times:
    - budget

optimizer:
  learning_rate: auto
  warmup_steps: 5

log:
  save_every: 20
  keep_checkpoints: 3
"""


def takes(name, tokens, rate):
    """A model's size stands in its name."""
    number, unit = re.search(r"([\d.]+)([mb])$", {"phi-4-mini": "phi-4-mini-3.8b"}.get(name, name)).groups()
    billions = float(number) / (1000 if unit == "m" else 1)
    hours = tokens / rate * billions / MEASURED_BILLIONS / 3600
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    for name, (repository, gsm8k, math, sft_micro, rl_micro) in MODELS.items():
        os.makedirs(os.path.join(here, name), exist_ok=True)
        for data, (budget, limit) in {"gsm8k": gsm8k, "math": math}.items():
            title, max_length, steps, sft_tokens = DATA[data]
            values = dict(name=name, repository=repository, data=data, title=title, max_length=max_length, steps=steps, budget=budget,
                          limit=limit, sft_micro=sft_micro, rl_micro=rl_micro,
                          sft_takes=takes(name, sft_tokens, SFT_RATE), rl_takes=takes(name, steps * 16 * 8 * budget, RL_RATE))
            for kind, text in {"sft": SFT, "rl": RL}.items():
                with open(os.path.join(here, name, f"{data}-{kind}.yaml"), "w") as f:
                    f.write(text.format(**values))


if __name__ == "__main__":
    main()
