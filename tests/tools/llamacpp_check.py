"""Do llama.cpp and PEFT load what pith writes, and compute the same? By hand, outside CTest.

    python tests/tools/llamacpp_check.py BUILD_FOLDER [tests/golden]

Needs llama-cpp-python, transformers and peft. Everything is made from tiny-llama and its adapters; figures are the largest
absolute differences of logits against transformers/PEFT in float32 (tiny-logits.json), F32 KV cache, flash attention off.
"""

import ctypes
import json
import os
import subprocess
import sys
import tempfile

import llama_cpp
import numpy as np


def quiet():
    callback = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(callback, ctypes.c_void_p(0))
    return callback


def last_match(ids, wanted):
    for at in range(len(ids) - len(wanted), -1, -1):
        if ids[at : at + len(wanted)] == wanted:
            return at
    return len(ids)


class Model:
    """A GGUF in llama.cpp; logits() decodes ids before `begin` bare and the rest with the adapter."""

    def __init__(self, path):
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = 0
        self.model = llama_cpp.llama_load_model_from_file(path.encode(), params)
        assert self.model, f"llama.cpp does not load {path}"
        self.vocab_handle = llama_cpp.llama_model_get_vocab(self.model)
        self.vocab = llama_cpp.llama_vocab_n_tokens(self.vocab_handle)

    def adapter(self, path):
        adapter = llama_cpp.llama_adapter_lora_init(self.model, path.encode())
        assert adapter, f"llama.cpp does not load {path}"
        return adapter

    def tokenize(self, text):
        out = (llama_cpp.llama_token * 512)()
        raw = text.encode()
        n = llama_cpp.llama_tokenize(self.vocab_handle, raw, len(raw), out, 512, False, True)
        return list(out[:n])

    def logits(self, ids, adapter=None, begin=0):
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch, params.n_threads = 512, 512, 512, 1
        params.type_k = params.type_v = 0  # F32
        params.flash_attn_type = 0
        context = llama_cpp.llama_new_context_with_model(self.model, params)
        rows = []
        for part, active in [(ids[:begin], False), (ids[begin:], True)]:
            if not part:
                continue
            on = adapter is not None and active
            adapters = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(adapter) if on else None
            scales = (ctypes.c_float * 1)(1.0) if on else None
            assert llama_cpp.llama_set_adapters_lora(context, adapters, 1 if on else 0, scales) == 0
            batch = llama_cpp.llama_batch_init(len(part), 0, 1)
            batch.n_tokens = len(part)
            for i, token in enumerate(part):
                batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, len(rows) + i, 1, 1
                batch.seq_id[i][0] = 0
            assert llama_cpp.llama_decode(context, batch) == 0
            got = [np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(context, i), (self.vocab,)).copy() for i in range(len(part))]
            rows += got
            llama_cpp.llama_batch_free(batch)
        llama_cpp.llama_free(context)
        return np.stack(rows)


def main(build, golden):
    keep = quiet()
    program = os.path.join(build, "pith-export")
    export = lambda *args: subprocess.run([program, *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    data = json.load(open(os.path.join(golden, "tiny-logits.json")))
    base_hf, lora, alora = (os.path.join(golden, n) for n in ("tiny-llama", "tiny-lora", "tiny-alora"))
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)

        def worst(model, key, adapter=None, invoked=False):
            largest = 0
            for s in data["sequences"]:
                begin = last_match(s["ids"], data["invocation"]) if invoked else 0
                largest = max(largest, np.abs(model.logits(s["ids"], adapter, begin) - np.array(s[key])).max())
            return largest

        for kind in ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "iq4_nl"):
            export("convert", "--base", base_hf, "--type", kind, "--out", at(f"{kind}.gguf"))
            print(f"base {kind:5}              {worst(Model(at(kind + '.gguf')), 'base'):.2e}")
        model = Model(at("f32.gguf"))
        for name, source, invoked in [("lora", lora, False), ("alora", alora, True)]:
            for kind in ("f32", "f16", "q8_0", "q4_0"):
                export("adapter", "--adapter", source, "--base", at("f32.gguf"), "--type", kind, "--out", at("a.gguf"))
                adapter = model.adapter(at("a.gguf"))
                if invoked:
                    n = llama_cpp.llama_adapter_get_alora_n_invocation_tokens(adapter)
                    tokens = llama_cpp.llama_adapter_get_alora_invocation_tokens(adapter)
                    assert [tokens[i] for i in range(n)] == data["invocation"]
                print(f"{name:5} {kind:5} on f32 base  {worst(model, name, adapter, invoked):.2e}")
        for kind in ("f32", "q8_0"):
            export("fuse", "--adapter", lora, "--base", base_hf, "--type", kind, "--out", at("fused.gguf"))
            print(f"fused {kind:5}             {worst(Model(at('fused.gguf')), 'lora'):.2e}")

        from transformers import AutoModelForCausalLM, AutoTokenizer
        import torch

        tokenizer = AutoTokenizer.from_pretrained(base_hf)
        for text in ["<|im_start|>user\nTom has 1234 apples, don't you?<|im_end|>\n", "Größe 😀 \n\n  x  1.5%"]:
            assert model.tokenize(text) == tokenizer.encode(text, add_special_tokens=False), text
        chat = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True)
        assert model.tokenize(chat)[-len(data["invocation"]) :] == data["invocation"]
        print("tokens                  equal")

        export("fuse", "--adapter", lora, "--base", base_hf, "--out", at("fused"))
        fused = AutoModelForCausalLM.from_pretrained(at("fused"), dtype=torch.float32)
        with torch.no_grad():
            difference = max(np.abs(fused(torch.tensor([s["ids"]])).logits[0].numpy() - np.array(s["lora"])).max() for s in data["sequences"])
        print(f"fused folder, bf16      {difference:.2e}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "tests/golden")
