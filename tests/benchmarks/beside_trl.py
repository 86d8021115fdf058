#!/usr/bin/env python3
"""pith-train and its Python peers in turn on one machine: seconds a step, peak memory, and their ratios, with the processor's name.

    beside_trl.py MODEL.gguf [--stage rl|sft] [--data FOLDER] [--pith build/pith-train] [--rounds 3] [--steps 3] [--threads N] [--set KEY=VALUE]...

rl: one step of GRPO of fixed work, configs/bench-grpo-step.yaml beside TRL's GRPOTrainer: 4 prompts of GSM8K x 8 completions of exactly 128
tokens at temperature 1, then one optimiser step of a LoRA of rank 32 on all linear layers, bf16, no KL. Both are paid by the completions' token ids, so
that every group has advantages and the backward pass is a whole one. sft: GSM8K's worked solutions, 32 examples a step, configs/gsm8k-sft.yaml beside
transformers and PEFT, to which they are given packed into rows of 1024 tokens without a gap. Both learn from the solutions' tokens alone.

Wants the Python packages torch, transformers, peft, gguf, and for rl trl and datasets. FOLDER holds gsm8k/train.jsonl (default: what PITH_DATA names). A
round runs both programs once, so that what the machine does meanwhile befalls both; a program's figure is the median of its steps without the
first, a ratio the median of the rounds'. A run with a step that has no gradient is refused: its time would be that of something else.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

GROUP, PROMPTS, TOKENS, RANK, EXAMPLES, ROW = 8, 4, 128, 32, 32, 1024


def problems(a, n):
    with open(os.path.join(a.data, "gsm8k/train.jsonl"), encoding="utf-8") as file:
        return [json.loads(next(file)) for _ in range(n)]


def load(a):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(a.threads)
    folder, file = os.path.split(os.path.abspath(a.model))
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).to(torch.bfloat16)
    model.hf_quantizer, model.is_quantized = None, False  # it came out of the file dequantised; PEFT need not know where from
    for name in ("quantization_config", "_pre_quantization_dtype"):
        if hasattr(model.config, name):
            delattr(model.config, name)
    return model, tokenizer


def lora():
    from peft import LoraConfig

    return LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear")


def peer_rl(a):
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    model, tokenizer = load(a)
    rows = [{"prompt": [{"role": "user", "content": p["question"]}]} for p in problems(a, PROMPTS * (a.steps + 1))]

    def spread(completion_ids, **_):
        return [sum(ids) % 97 / 97 for ids in completion_ids]

    config = GRPOConfig(output_dir=tempfile.mkdtemp(), per_device_train_batch_size=GROUP, gradient_accumulation_steps=PROMPTS, num_generations=GROUP,
                        max_completion_length=TOKENS, generation_kwargs={"min_new_tokens": TOKENS}, max_steps=a.steps + 1, learning_rate=1e-6, temperature=1.0,
                        beta=0.0, bf16=True, use_cpu=True, gradient_checkpointing=False, logging_steps=1, save_strategy="no", report_to="none")
    trainer = GRPOTrainer(model=model, processing_class=tokenizer, args=config, train_dataset=Dataset.from_list(rows), reward_funcs=[spread], peft_config=lora())
    trainer.train()
    log = [line for line in trainer.state.log_history if "step_time" in line]
    return [line["step_time"] for line in log], [line["grad_norm"] for line in log]


def peer_sft(a):
    import torch
    from peft import get_peft_model

    model, tokenizer = load(a)
    model = get_peft_model(model, lora())
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.0)
    all_problems, times, norms = problems(a, EXAMPLES * (a.steps + 1)), [], []
    for step in range(a.steps + 1):
        ids, labels = [], []
        for p in all_problems[step * EXAMPLES : (step + 1) * EXAMPLES]:
            prompt = tokenizer.apply_chat_template([{"role": "user", "content": p["question"]}], add_generation_prompt=True, tokenize=False)
            prompt = tokenizer(prompt, add_special_tokens=False)["input_ids"]
            response = tokenizer(p["answer"] + "<|im_end|>", add_special_tokens=False)["input_ids"]
            ids += prompt + response
            labels += [-100] * len(prompt) + response
        targets = sum(label != -100 for label in labels)
        start = time.perf_counter()
        for begin in range(0, len(ids), 2 * ROW):  # two rows at a time
            rows = [(ids[i : i + ROW], labels[i : i + ROW]) for i in range(begin, min(begin + 2 * ROW, len(ids)), ROW)]
            whole = [row for row in rows if len(row[0]) == len(rows[0][0])]
            for part in [whole] + [[row] for row in rows if row not in whole]:
                row_labels = torch.tensor([row[1] for row in part])
                loss = model(input_ids=torch.tensor([row[0] for row in part]), labels=row_labels).loss
                (loss * (row_labels[:, 1:] != -100).sum() / targets).backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(trained, 1.0)))
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    return times, norms


def run(command, environment=None):
    """Runs it; its peak resident size in MB."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **(environment or {})})
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            errors.seek(0)
            sys.exit(f"{' '.join(command)} failed: {errors.read().strip()[-2000:]}")
    return out, usage.ru_maxrss // 1024


def ours(a, folder):
    settings = {"model.path": a.model, "threads": a.threads, "log.save_every": 0, "data.shuffle": "false"}
    if a.stage == "rl":
        config, settings["rl.steps"] = "configs/bench-grpo-step.yaml", a.steps + 1
    else:
        config = "configs/gsm8k-sft.yaml"
        settings.update({"data.limit": EXAMPLES * (a.steps + 1), "sft.epochs": 1, "sft.batch_size": EXAMPLES, "sft.max_length": 2048, "optimizer.warmup_steps": 0})
    command = [a.pith, os.path.join(a.root, config), "--overwrite", "--set", f"folder={folder}"]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    for setting in a.set:
        command += ["--set", setting]
    _, peak = run(command, {"PITH_DATA": a.data})
    with open(os.path.join(folder, "metrics.jsonl"), encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return figures("pith", a, [line["step_time"] for line in lines], [line["grad_norm"] for line in lines], peak, lines[-1])


def figures(name, a, times, norms, peak, line=None):
    if len(times) != a.steps + 1 or not all(norm > 0 for norm in norms):
        sys.exit(f"{name}: {len(times)} steps with gradient norms {norms}, expected {a.steps + 1} steps that each have a gradient; these times say nothing")
    shown = {"program": name, "step_s": round(statistics.median(times[1:]), 3), "steps": [round(t, 2) for t in times], "grad_norm": [round(n, 5) for n in norms], "peak_mb": peak}
    for key in ("time/rollout", "time/encode", "time/gradients", "sampling/sampling_logp_difference/mean", "sampling/kl"):
        if line and key in line:
            shown[key] = round(line[key], 6)
    return shown


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown processor")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--stage", choices=["rl", "sft"], default="rl")
    parser.add_argument("--data", default=os.environ.get("PITH_DATA", ""))
    parser.add_argument("--pith", default="build/pith-train")
    parser.add_argument("--root", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."), help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="that are timed, behind one that warms up")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE for pith-train")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if not os.path.isfile(os.path.join(a.data, "gsm8k/train.jsonl")):
        sys.exit(f"'{a.data}' holds no gsm8k/train.jsonl; name its folder with --data or PITH_DATA")
    if a.peer:
        times, norms = (peer_rl if a.stage == "rl" else peer_sft)(a)
        print(json.dumps([times, norms]))
        return
    peer = "TRL" if a.stage == "rl" else "transformers + PEFT"
    print(f"{processor()}, {a.threads} threads; {a.rounds} rounds of {a.steps} steps", flush=True)
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(a.rounds):
            out, peak = run([sys.executable, __file__, *sys.argv[1:], "--peer"], {"OMP_NUM_THREADS": str(a.threads)})
            theirs = figures(peer, a, *json.loads(out.splitlines()[-1]), peak)
            mine = ours(a, os.path.join(folder, "run"))
            rounds.append((mine, theirs))
            print(json.dumps(theirs), json.dumps(mine), sep="\n", flush=True)
    print("\n| program | s a step | peak MB |\n|---|---|---|")
    for i, name in enumerate(["pith", peer]):
        seconds = [of[i]["step_s"] for of in rounds]
        print(f"| {name} | {statistics.median(seconds):.2f} ({min(seconds):.2f}–{max(seconds):.2f}) | {max(of[i]['peak_mb'] for of in rounds)} |")
    ratios = [theirs["step_s"] / mine["step_s"] for mine, theirs in rounds]
    print(f"\npith is {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f}) times as fast")


if __name__ == "__main__":
    main()
