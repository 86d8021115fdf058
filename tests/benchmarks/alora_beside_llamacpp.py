#!/usr/bin/env python3
"""How soon the first reasoning token comes after a prompt that the base has encoded: pith-run and llama.cpp's own path for aLoRA, in turn.

    alora_beside_llamacpp.py MODEL.gguf ALORA.gguf [--pith build/pith-run] [--rounds 5] [--prompt 1000] [--reps 5] [--threads N]

llama.cpp is called as its server does it: the adapter is off while the prompt is decoded, is set, and the invocation's tokens are decoded with it; its time ends with
the likeliest token of their logits. pith: the line "switch" of pith-run bench --reasoning, from
the request that is handed in to the token that is handed out. Medians of the rounds. Wants llama-cpp-python.
"""
import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import time


def peer(a):
    import llama_cpp as lib
    import numpy as np

    quiet = lib.llama_log_callback(lambda level, text, data: None)
    lib.llama_log_set(quiet, None)
    lib.llama_backend_init()
    model = lib.llama_model_load_from_file(a.model.encode(), lib.llama_model_default_params())
    adapter = lib.llama_adapter_lora_init(model, a.adapter.encode())
    count = lib.llama_adapter_get_alora_n_invocation_tokens(adapter)
    invocation = lib.llama_adapter_get_alora_invocation_tokens(adapter)
    invocation = [invocation[i] for i in range(count)]
    if not invocation:
        sys.exit(f"{a.adapter} names no invocation tokens: it is no aLoRA")
    params = lib.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch = a.prompt + 256, a.prompt + 64, 512
    params.n_threads = params.n_threads_batch = a.threads
    context = lib.llama_init_from_model(model, params)
    memory = lib.llama_get_memory(context)
    vocabulary = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))
    batch = lib.llama_batch_init(a.prompt + 64, 0, 1)

    def run(tokens, past, on):
        adapters = (lib.llama_adapter_lora_p_ctypes * 1)(adapter) if on else None
        scales = (ctypes.c_float * 1)(1.0) if on else None
        assert lib.llama_set_adapters_lora(context, adapters, 1 if on else 0, scales) == 0
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = token, past + i, 1, 0, i + 1 == len(tokens)
        assert lib.llama_decode(context, batch) == 0
        return int(np.ctypeslib.as_array(lib.llama_get_logits_ith(context, len(tokens) - 1), (vocabulary,)).argmax())

    prompt = [(i * 7919 + 1) % 200 for i in range(a.prompt)]
    first = []
    run(prompt, 0, False)
    for _ in range(a.reps + 1):
        start = time.perf_counter()
        run(invocation, a.prompt, True)
        first.append(1e3 * (time.perf_counter() - start))
        lib.llama_memory_seq_rm(memory, 0, a.prompt, -1)
    print(json.dumps({"first": statistics.median(first[1:])}))


def ours(a):
    command = [a.pith, "bench", "--reasoning", "--model", a.model, "--adapter", a.adapter, "--prompt", str(a.prompt), "--reps", str(a.reps), "--threads", str(a.threads), "--any-base", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout:
            if '"switch"' in line:
                process.kill()  # the rest is not asked for
                return json.loads(line)
    sys.exit(f"{' '.join(command)} prints no line \"switch\"")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("adapter")
    parser.add_argument("--pith", default="build/pith-run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt", type=int, default=1000)
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.peer:
        return peer(a)
    figures = {"pith": [], "llama.cpp": []}
    for _ in range(a.rounds):
        theirs = json.loads(subprocess.run([sys.executable, __file__, *sys.argv[1:], "--peer"], check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        mine = ours(a)
        figures["llama.cpp"].append(theirs["first"])
        figures["pith"].append(mine["first_token_ms"])
        print(json.dumps({**theirs, **mine}), flush=True)
    for name, of in figures.items():
        print(f"| {name} | {statistics.median(of):.2f} ({min(of):.2f}–{max(of):.2f}) ms |")


if __name__ == "__main__":
    main()
