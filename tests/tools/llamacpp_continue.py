"""Does llama.cpp go on with the same greedy tokens as pith-run, on the files that pith writes? By hand, outside CTest.

    python tests/tools/llamacpp_continue.py BUILD_FOLDER DEMO.gguf ADAPTER_FOLDER [ADAPTER_FOLDER …] [--questions gsm8k/test.jsonl]

Each adapter is a PEFT folder trained on the demo model with an invocation. Both engines get F32 and F16 files made by pith-export,
an F32 KV cache, flash attention off, one thread; the prompt before the invocation is decoded with the adapter off, the rest with it
on. 64 tokens a prompt, or fewer where the model ends its turn. At a difference the gap between llama.cpp's two best logits is
printed: below 0.01 it counts as a near-tie, else the script fails.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile

import llama_cpp
import numpy as np
from llamacpp_check import Model, last_match, quiet

QUESTIONS = [
    "Tom has 3 boxes of 12 pens and gives away 5. How many pens are left?",
    "Explain in a few sentences why the sky is blue.",
    "A train leaves at 9:40 and arrives at 13:05. How long does it travel?",
]
TOKENS = 64


def continuation(model, ids, begin, adapter):
    """Greedy tokens after ids and, for each, the gap between the two best logits."""
    params = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch, params.n_threads = 1024, 512, 512, 1
    params.type_k = params.type_v = 0  # F32
    params.flash_attn_type = 0
    context = llama_cpp.llama_new_context_with_model(model.model, params)
    past = 0

    def decode(part, on):
        nonlocal past
        adapters = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(adapter) if on else None
        scales = (ctypes.c_float * 1)(1.0) if on else None
        assert llama_cpp.llama_set_adapters_lora(context, adapters, 1 if on else 0, scales) == 0
        batch = llama_cpp.llama_batch_init(len(part), 0, 1)
        batch.n_tokens = len(part)
        for i, token in enumerate(part):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, past + i, 1, i + 1 == len(part)
            batch.seq_id[i][0] = 0
        assert llama_cpp.llama_decode(context, batch) == 0
        row = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(context, len(part) - 1), (model.vocab,)).copy()
        llama_cpp.llama_batch_free(batch)
        past += len(part)
        return row

    if adapter is None:
        begin = 0
    if begin > 0:
        decode(ids[:begin], False)
    row = decode(ids[begin:], adapter is not None)
    tokens, gaps = [], []
    for _ in range(TOKENS):
        two = np.partition(row, -2)[-2:]
        tokens.append(int(row.argmax()))
        gaps.append(float(two[1] - two[0]))
        row = decode(tokens[-1:], adapter is not None)
    llama_cpp.llama_free(context)
    return tokens, gaps


def main(args):
    keep = quiet()
    tool = lambda name, *rest: subprocess.run([os.path.join(args.build, name), *rest], check=True, capture_output=True, text=True).stdout
    questions = list(QUESTIONS)
    if args.questions:
        with open(args.questions) as f:
            questions += [json.loads(line)["question"] for line, _ in zip(f, range(5))]
    prompts = [f"<|im_start|>user\n{q}<|im_end|>\n<|im_start|>assistant\n" for q in questions]
    failed = near = compared = 0
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)

        def compare(label, base, adapter=None):
            nonlocal failed, near, compared
            model = Model(base)
            handle = model.adapter(adapter) if adapter else None
            equal = total = 0
            for prompt in prompts:
                ids = model.tokenize(prompt)
                begin = last_match(ids, args.invocation)
                theirs, gaps = continuation(model, ids, begin, handle)
                command = ["generate", "--model", base, "--raw", "--prompt", prompt, "--max-tokens", str(TOKENS), "--activations",
                           "f32", "--kv", "f32", "--threads", "1", "--json"]
                if adapter:
                    command += ["--adapter", adapter, "--any-base"]
                ours = json.loads(tool("pith-run", *command))["token_ids"]
                total += len(ours)
                differs = next((i for i in range(len(ours)) if ours[i] != theirs[i]), None)
                compared += 1
                if differs is None:
                    equal += len(ours)
                    continue
                equal += differs
                near_tie = gaps[differs] < 0.01
                near += near_tie
                failed += not near_tie
                print(f"  {label}: token {differs} differs, gap {gaps[differs]:.2e}{' (near-tie)' if near_tie else ' FAILED'}: {prompt[17:60]!r}")
            print(f"{label:34} {equal} of {total} tokens equal over {len(prompts)} prompts", flush=True)

        for kind in ("f32", "f16"):
            base = at(f"base-{kind}.gguf")
            tool("pith-export", "convert", "--base", args.demo, "--type", kind, "--out", base)
            compare(f"base {kind}", base)
            for source in args.adapters:
                name = os.path.basename(os.path.dirname(os.path.abspath(source)))
                for adapter_kind in ("f32", "f16"):
                    adapter = at(f"{name}-{adapter_kind}.gguf")
                    tool("pith-export", "adapter", "--adapter", source, "--base", base, "--type", adapter_kind, "--any-base", "--out", adapter)
                    compare(f"base {kind} + {name} {adapter_kind}", base, adapter)
                fused = at("fused.gguf")
                tool("pith-export", "fuse", "--adapter", source, "--base", base, "--type", kind, "--allow-always", "--any-base", "--out", fused)
                compare(f"{name} fused {kind}", fused)
    print(f"{compared} continuations, {near} near-ties, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("demo")
    parser.add_argument("adapters", nargs="+")
    parser.add_argument("--questions")
    parser.add_argument("--invocation", type=lambda s: [int(x) for x in s.split(",")], default=[1, 520, 9531, 198])
    sys.exit(main(parser.parse_args()))
