#!/usr/bin/env python3
"""pith-run and llama.cpp in turn on the same files; a table of medians, spreads and ratios, with the processor's name.

    beside_llamacpp.py MODEL.gguf... [--pith build/pith-run] [--rounds 3] [--batch 1,4,8,16] [--context 512] [--gen 24] [--threads N] [--isa avx2]

Wants the Python package llama-cpp-python, built for the instruction sets that are to be compared. Each round runs both programs once on each
file, so that what the machine does meanwhile befalls both; a ratio is the median of the rounds' ratios. "of read": decoding one
sequence, the bytes of weights a second as a share of a plain sweep through memory in the same run of pith-run bench. --context takes several
lengths of the prompt, e.g. 512,2048,8192: prefill is of so many tokens, and sequences are decoded behind them.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time


def peer(a):
    """llama.cpp alone: the lines that `pith-run bench --json` prints."""
    import ctypes

    import llama_cpp as lib

    quiet = lib.llama_log_callback(lambda level, text, data: None)
    lib.llama_log_set(quiet, None)
    lib.llama_backend_init()
    model = lib.llama_model_load_from_file(a.models[0].encode(), lib.llama_model_default_params())
    batches = numbers(a.batch)
    params = lib.llama_context_default_params()
    params.n_ctx = a.prompt + max(batches) * (a.gen + 1) + 64
    params.n_batch = max(a.prompt, max(batches))
    params.n_ubatch = 512
    params.n_seq_max = max(batches) + 1
    params.n_threads = params.n_threads_batch = a.threads
    if hasattr(params, "kv_unified"):
        params.kv_unified = True
    context = lib.llama_init_from_model(model, params)
    memory = lib.llama_get_memory(context)
    vocabulary = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))
    batch = lib.llama_batch_init(max(a.prompt, max(batches)), 0, 1)

    def run(rows):
        batch.n_tokens = len(rows)
        for i, (token, position, sequence, wanted) in enumerate(rows):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = token, position, 1, sequence, wanted
        if lib.llama_decode(context, batch) != 0:
            sys.exit("llama_decode failed")
        lib.llama_get_logits(context)

    def token(i):
        return i % min(200, vocabulary)

    def prefill():
        lib.llama_memory_clear(memory, True)
        start = time.perf_counter()
        run([(token(i * 7919 + 1), i, 0, i == a.prompt - 1) for i in range(a.prompt)])
        return a.prompt / (time.perf_counter() - start)

    def decode(sequences):
        lib.llama_memory_seq_rm(memory, -1, a.prompt, -1)  # what the run before decoded; the prompt stays
        for s in range(1, sequences):
            lib.llama_memory_seq_cp(memory, 0, s, -1, -1)
        start = time.perf_counter()
        for step in range(a.gen):
            run([(token(step * 31 + s * 17), a.prompt + step, s, True) for s in range(sequences)])
        return sequences * a.gen / (time.perf_counter() - start)

    prefill()
    print(json.dumps({"test": "prefill", "batch": 1, "tok_per_s": statistics.median(prefill() for _ in range(a.reps))}))
    for sequences in batches:
        print(json.dumps({"test": "decode", "batch": sequences, "tok_per_s": statistics.median(decode(sequences) for _ in range(a.reps))}))


def numbers(text):
    return [int(n) for n in text.split(",")]


def lines_of(command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--pith", default="build/pith-run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", default="1,4,8,16")
    parser.add_argument("--context", default="512")
    parser.add_argument("--gen", type=int, default=24)
    parser.add_argument("--reps", type=int, default=2)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--isa", default="", help="PITH_ISA of pith-run")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--prompt", type=int, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.peer:
        return peer(a)
    header = []
    contexts = numbers(a.context)
    for model in a.models:
        for context in contexts:
            compare(a, model, context, header, f" at {context}" if len(contexts) > 1 else "")


def compare(a, model, context, header, where):
    """The rounds of one file at one context, and its rows of the table."""
    common = ["--batch", a.batch, "--prompt", str(context), "--gen", str(a.gen), "--reps", str(a.reps), "--threads", str(a.threads)]
    rates, shares, sweeps = {}, [], []
    for _ in range(a.rounds):
        theirs = lines_of([sys.executable, __file__, model, "--peer", *common])
        ours = lines_of([a.pith, "bench", "--model", model, "--json", *common], **({"PITH_ISA": a.isa} if a.isa else {}))
        sweeps += [line["gb_per_s"] for line in ours if line["test"] == "read"][-1:]
        for line in ours:
            if line["test"] == "threads" and not header:
                header.append(f"{line['processor']}, {line['isa']}, {line['threads']} threads; {a.rounds} rounds, context {a.context}, {a.gen} tokens")
                print(f"{header[0]}\n\n| file | test | pith | llama.cpp | ratio | of read |\n|---|---|---|---|---|---|", flush=True)
            if line["test"] in ("prefill", "decode"):
                rates.setdefault((line["test"], line["batch"]), ([], []))[0].append(line["tok_per_s"])
            if line["test"] == "decode" and line["batch"] == 1:
                shares.append(line["share_of_read"])
        for line in theirs:
            rates[line["test"], line["batch"]][1].append(line["tok_per_s"])
    for (test, batch), (ours, theirs) in rates.items():
        spread = [f"{statistics.median(of):.0f} ({min(of):.0f}–{max(of):.0f})" for of in (ours, theirs)]
        ratio = statistics.median(x / y for x, y in zip(ours, theirs))
        share = f"{100 * statistics.median(shares):.0f} % of {statistics.median(sweeps):.0f} GB/s" if (test, batch) == ("decode", 1) else ""
        name = test if test == "prefill" else f"{test} {batch}"
        print(f"| {os.path.basename(model)} | {name}{where} | {spread[0]} | {spread[1]} | {ratio:.2f} | {share} |", flush=True)


if __name__ == "__main__":
    main()
