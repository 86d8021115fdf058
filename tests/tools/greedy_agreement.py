"""Do pith, llama.cpp and PEFT (transformers) give the same greedy answers? By hand, outside CTest.

    python tests/tools/greedy_agreement.py BUILD_FOLDER BASE.gguf QUESTIONS.jsonl OUT_FOLDER [--limit 200] [--tokens 128] [--adapter PEFT_FOLDER …]

All three read one F32 GGUF that pith-export makes of BASE, with activations and KV in F32: the base alone, under a plain LoRA that is always active, and under an
activated LoRA (PEFT's aLoRA), whose prompt up to the invocation is the base's. Without --adapter the two are made here: random, of rank 8 on all linear layers, of the
same seed every time. Prints a table, and for every first token at which two differ how far apart the two best logits of PEFT and llama.cpp
were there. OUT_FOLDER keeps what each engine answered: what is there is not computed again. Needs llama-cpp-python, transformers, peft and gguf.
"""

import argparse
import ctypes
import json
import os
import subprocess

import llama_cpp
import numpy as np

from llamacpp_check import Model, last_match, quiet

INVOCATION = "<|im_start|>assistant\n"


def by_pith(args, base, prompts, adapter):
    here = os.path.dirname(os.path.abspath(__file__))
    program = os.path.join(args.out, "raw_answers")
    subprocess.run(["cc", os.path.join(here, "raw_answers.c"), "-I", os.path.join(here, "../../runtime"), "-L", args.build, "-lpith", f"-Wl,-rpath,{os.path.abspath(args.build)}", "-o", program], check=True)
    done = subprocess.run([program, base, adapter or "-", str(args.tokens), str(args.threads)], input="\0".join(prompts) + "\0", check=True, stdout=subprocess.PIPE, text=True)
    return [{"tokens": [int(token) for token in line.split()]} for line in done.stdout.splitlines()]


def by_llamacpp(args, base, prompts, adapter):
    model = Model(base)
    handle = model.adapter(adapter) if adapter else None
    invoked = handle is not None and llama_cpp.llama_adapter_get_alora_n_invocation_tokens(handle) > 0
    params = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch, params.n_seq_max = 8192, 2048, 2048, args.batch
    params.n_threads = params.n_threads_batch = args.threads
    params.type_k = params.type_v = 0  # F32
    params.flash_attn_type = 0
    params.kv_unified = True
    context = llama_cpp.llama_new_context_with_model(model.model, params)
    batch = llama_cpp.llama_batch_init(2048, 0, 1)

    def decode(rows, on):
        """Logits of the rows (token, position, sequence, wanted) that want them, in order."""
        adapters = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(handle) if on else None
        scales = (ctypes.c_float * 1)(1.0) if on else None
        assert llama_cpp.llama_set_adapters_lora(context, adapters, 1 if on else 0, scales) == 0
        batch.n_tokens = len(rows)
        for i, (token, position, sequence, wanted) in enumerate(rows):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = token, position, 1, sequence, wanted
        assert llama_cpp.llama_decode(context, batch) == 0
        return [np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(context, i), (model.vocab,)).copy() for i, row in enumerate(rows) if row[3]]

    answers = []
    for first in range(0, len(prompts), args.batch):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        rows, lengths, some = {}, [], []
        for sequence, prompt in enumerate(prompts[first : first + args.batch]):
            ids = model.tokenize(prompt)
            begin = last_match(ids, model.tokenize(INVOCATION)) if invoked else 0
            if begin > 0:
                decode([(token, i, sequence, False) for i, token in enumerate(ids[:begin])], False)
            rows[sequence] = decode([(ids[i], i, sequence, i + 1 == len(ids)) for i in range(begin, len(ids))], handle is not None)[0]
            lengths.append(len(ids))
            some.append({"tokens": [], "gaps": []})
        while rows:
            for sequence, row in list(rows.items()):
                two = np.partition(row, -2)[-2:]
                tokens = some[sequence]["tokens"]
                tokens.append(int(row.argmax()))
                some[sequence]["gaps"].append(float(two[1] - two[0]))
                if len(tokens) == args.tokens or llama_cpp.llama_vocab_is_eog(model.vocab_handle, tokens[-1]):
                    del rows[sequence]
            going = list(rows)
            if going:
                last = [(some[q]["tokens"][-1], lengths[q] + len(some[q]["tokens"]) - 1, q, True) for q in going]
                rows = dict(zip(going, decode(last, handle is not None)))
        answers += some
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    return answers


def transformers_model(base):
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(os.path.dirname(base), gguf_file=os.path.basename(base), dtype=torch.float32).eval()


def by_peft(args, base, prompts, folder):
    import torch

    torch.set_num_threads(args.threads)
    model = transformers_model(base)
    if folder:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, folder).eval()
    words = Model(base)  # one tokenizer: it is the models that are compared
    encoded = [words.tokenize(prompt) for prompt in prompts]
    answers = [None] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda i: len(encoded[i]))
    end = words.tokenize("<|im_end|>")[0]
    for at in range(0, len(order), args.batch):
        group = order[at : at + args.batch]
        longest = max(len(encoded[i]) for i in group)
        ids = torch.tensor([[end] * (longest - len(encoded[i])) + encoded[i] for i in group])
        mask = torch.tensor([[0] * (longest - len(encoded[i])) + [1] * len(encoded[i]) for i in group])
        with torch.no_grad():
            out = model.generate(input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=args.tokens, eos_token_id=end, pad_token_id=end,
                                 repetition_penalty=1.0, output_logits=True, return_dict_in_generate=True)
        best = [step.topk(2, dim=-1).values for step in out.logits]
        for row, i in enumerate(group):
            tokens = out.sequences[row, longest:].tolist()
            if end in tokens:
                tokens = tokens[: tokens.index(end) + 1]
            answers[i] = {"tokens": tokens, "gaps": [float(best[k][row, 0] - best[k][row, 1]) for k in range(len(tokens))]}
    return answers


def make_adapters(args, base, words):
    import torch
    from peft import LoraConfig, get_peft_model

    for name in ("lora", "alora"):
        folder = os.path.join(args.out, name)
        if os.path.exists(folder):
            continue
        torch.manual_seed(7)
        more = {"alora_invocation_tokens": words.tokenize(INVOCATION)} if name == "alora" else {}
        config = LoraConfig(r=8, lora_alpha=16, task_type="CAUSAL_LM", target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"], **more)
        model = get_peft_model(transformers_model(base), config)
        for key, weight in model.named_parameters():
            if "lora_B" in key:
                torch.nn.init.normal_(weight.data, std=0.02)
        model.save_pretrained(folder)
    return [os.path.join(args.out, name) for name in ("lora", "alora")]


def first_difference(a, b):
    return next((i for i in range(max(len(a), len(b))) if a[i : i + 1] != b[i : i + 1]), None)


def main(args):
    keep = quiet()
    os.makedirs(args.out, exist_ok=True)
    export = lambda *rest: subprocess.run([os.path.join(args.build, "pith-export"), *rest], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    base = os.path.join(args.out, "base.gguf")
    if not os.path.exists(base):
        export("convert", "--base", args.base, "--type", "f32", "--out", base)
    with open(args.questions) as f:
        prompts = [f"<|im_start|>user\n{json.loads(line)['question']}<|im_end|>\n{INVOCATION}" for line, _ in zip(f, range(args.limit))]
    modes = [("base", None)] + [(os.path.basename(os.path.normpath(f)), f) for f in args.adapter or make_adapters(args, base, Model(base))]
    every = {}
    for mode, folder in modes:
        packed = os.path.join(args.out, mode + ".gguf") if folder else None
        if packed and not os.path.exists(packed):
            export("adapter", "--adapter", folder, "--base", base, "--type", "f32", "--any-base", "--out", packed)
        for engine, run, adapter in (("pith", by_pith, packed), ("llama.cpp", by_llamacpp, packed), ("PEFT", by_peft, folder)):
            path = os.path.join(args.out, f"{mode}.{engine}.json")
            if not os.path.exists(path):
                answers = run(args, base, prompts, adapter)
                with open(path, "w") as f:
                    json.dump(answers, f)
            with open(path) as f:
                every[mode, engine] = json.load(f)[: args.limit]

    print("| mode | tokens | pith = llama.cpp | pith = PEFT | llama.cpp = PEFT | all three | other than the base's |\n|---|---|---|---|---|---|---|")
    for mode, _ in modes:
        answers = {engine: [answer["tokens"] for answer in every[mode, engine]] for engine in ("pith", "llama.cpp", "PEFT")}
        same = lambda a, b: sum(x == y for x, y in zip(answers[a], answers[b]))
        three = sum(a == b == c for a, b, c in zip(*answers.values()))
        moved = sum(a["tokens"] != b["tokens"] for a, b in zip(every[mode, "pith"], every["base", "pith"]))
        print(f"| {mode} | {sum(map(len, answers['pith']))} | {same('pith', 'llama.cpp')} | {same('pith', 'PEFT')} | {same('llama.cpp', 'PEFT')} | {three} of {len(prompts)} | {moved} |")
    for mode, _ in modes:
        for a, b in (("pith", "llama.cpp"), ("pith", "PEFT"), ("llama.cpp", "PEFT")):
            for problem, (x, y) in enumerate(zip(every[mode, a], every[mode, b])):
                at = first_difference(x["tokens"], y["tokens"])
                if at is None:
                    continue
                gaps = ", ".join(f"{of} {every[mode, of][problem]['gaps'][at]:.1e}" for of in ("llama.cpp", "PEFT") if of in (a, b))
                print(f"{mode}, problem {problem}: {a} and {b} differ from token {at} on; best two logits apart: {gaps}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("base")
    parser.add_argument("questions")
    parser.add_argument("out")
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--batch", type=int, default=8, help="answers that llama.cpp and PEFT each decode together")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--adapter", action="append", help="a PEFT folder; may be given more than once, instead of the random ones")
    main(parser.parse_args())
