"""Writes how llama.cpp continues a prompt greedily with the tiny models of tests/golden/families, as pith-export converts them to float32.

    python tests/tools/family_continuations.py PITH_EXPORT tests/golden/families

  continuations.json  "llama_cpp": the version of llama-cpp-python; for each family {changed: what config.json has otherwise, null for nothing;
                      file: SHA-256 of the GGUF that llama.cpp read; tokens; leads: by how much the logit of each is above
                      the next}

The prompt is the golden's ids. The hash is over the metadata, but for general.name and pith's own keys, and over the tensors, as
tests/export/family_continuations_test.cc makes it. Needs llama-cpp-python (its libraries) and gguf from PyPI.
"""

import ctypes
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import llama_cpp
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import families  # noqa: E402

TOKENS = 24
CONTEXT = 256  # of llama.cpp's cache, the smallest that it makes
# Where llama.cpp computes otherwise (docs/architectures.md), the model is one where that makes no difference.
CHANGED = {"mistral": {"sliding_window": None}, "ministral": {"sliding_window": None},
           "qwen2-window": {"use_sliding_window": False}, "phi3": {"sliding_window": None},
           "gemma2": {"query_pre_attn_scalar": 32}, "gemma3": {"query_pre_attn_scalar": 32},  # the head size: no GGUF says another to llama.cpp
           # longrope: beyond the original context llama.cpp's cache is one of long divisors
           "phi4mini": {"original_max_position_embeddings": CONTEXT}}
REFUSED = {"llama-values": "its llama has one head size"}


def hash_of(path):
    reader = gguf.GGUFReader(path)
    total = hashlib.sha256()
    for field in reader.fields.values():
        if field.name.startswith(("GGUF.", "pith.")) or field.name == "general.name":
            continue
        total.update(b"".join(part.tobytes() for part in field.parts))  # as in the file: length of the key, key, type, value
    for t in reader.tensors:
        total.update(t.name.encode() + struct.pack(f"<I{len(t.shape)}q", t.tensor_type, *(int(n) for n in t.shape)) + t.data.tobytes())
    return total.hexdigest()


class Context:
    """A model and its cache in llama.cpp, in float32."""

    def __init__(self, path, size):
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self.model:
            raise SystemExit(f"llama.cpp does not load {path}")
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch, params.n_threads, params.n_threads_batch = size, size, size, 1, 1
        params.type_k = params.type_v = llama_cpp.GGML_TYPE_F32
        params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.context = llama_cpp.llama_init_from_model(self.model, params)
        self.vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.position = 0

    def logits_after(self, tokens):
        batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i] = token, self.position + i
            batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = 1, 0, i + 1 == len(tokens)
        assert llama_cpp.llama_decode(self.context, batch) == 0
        llama_cpp.llama_batch_free(batch)
        self.position += len(tokens)
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self.context, -1), (self.vocab,)).copy()

    def close(self):
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)


def greedily(context, prompt):
    tokens, leads, fed = [], [], prompt
    while len(tokens) < TOKENS:
        logits = context.logits_after(fed)
        second, first = np.partition(logits, -2)[-2:]
        leads.append(round(float(first - second), 4))
        tokens.append(int(logits.argmax()))
        fed = tokens[-1:]
    return tokens, leads


def main(pith_export, folder):
    silent = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)
    llama_cpp.llama_log_set(silent, None)
    llama_cpp.llama_backend_init()
    found = {}
    for file in sorted(Path(folder).glob("*.safetensors")):
        name = file.stem
        if name in REFUSED:
            print(f"{name}: left out, llama.cpp refuses it: {REFUSED[name]}")
            continue
        golden = json.load(open(file.with_suffix(".json")))
        changed = CHANGED.get(name, {})
        golden["hub"].update(changed)
        with tempfile.TemporaryDirectory() as scratch:
            model, out = Path(scratch) / "model", Path(scratch) / "f32.gguf"
            families.write_folder(golden, str(model), "hub")
            for part in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
                shutil.copy(Path(folder).parent / "tiny-llama" / part, model)
            subprocess.run([pith_export, "convert", "--base", model, "--type", "f32", "--out", out], check=True, stderr=subprocess.DEVNULL)
            context = Context(out, CONTEXT)
            tokens, leads = greedily(context, golden["ids"])
            context.close()
            assert min(leads) > 1e-3, (name, min(leads))
            found[name] = {"changed": changed, "file": hash_of(out), "tokens": tokens, "leads": leads}
        print(f"{name:14} leads by {min(leads)} or more, {len(set(tokens))} different tokens")
    with open(Path(folder) / "continuations.json", "w") as f:
        rows = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in found.items()]
        f.write('{"llama_cpp": ' + json.dumps(llama_cpp.__version__) + ',\n"families": {\n' + ",\n".join(rows) + "}}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
