"""Writes what llama.cpp's converters make of the tiny models of tests/golden/families and of their adapters.

    python tests/tools/families_gguf.py LLAMA_CPP_FOLDER tests/golden/families [NAME…]

  NAME.gguf.json      metadata {key: [type, value]}: the architecture's own keys, types as numbered in the format;
                      tensors {name: [shape as in the file, SHA-256 of its float32 bytes]}, in the file's order;
                      adapter {metadata, tensors}: the same of the adapter

LLAMA_CPP_FOLDER holds convert_hf_to_gguf.py, convert_lora_to_gguf.py, conversion/ and gguf-py/, as vendor/llama.cpp does in the sources of
llama-cpp-python 0.3.36 on PyPI. A model with a head size of values apart (llama-values) is left out: the converter does not know it. Vocabularies are left out (set_vocab), everything else is the converter's.
"""

import hashlib
import json
import os
import runpy
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import families  # noqa: E402

KEPT = ("general.architecture", "general.type", "general.file_type")


def convert(converter, folder, out):
    """What the converter's main() does for a folder, in float32."""
    hparams = converter.ModelBase.load_hparams(folder, False)
    model_class = converter.get_model_class(converter.get_model_architecture(hparams, converter.ModelType.TEXT))

    class Bare(model_class):
        model_arch = model_class.model_arch

        def set_vocab(self):
            pass

    Bare(folder, converter.gguf.LlamaFileType.ALL_F32, out, eager=True).write()


def convert_adapter(llama_cpp, base, adapter, out):
    script = os.path.join(llama_cpp, "convert_lora_to_gguf.py")
    sys.argv = [script, "--base", str(base), "--outtype", "f32", "--outfile", str(out), "--no-lazy", str(adapter)]
    runpy.run_path(script, run_name="__main__")


def value_of(field):
    assert len(field.types) == 1, field.name  # no arrays so far
    value = field.contents()
    return [int(field.types[0]), value.tolist() if hasattr(value, "tolist") else value]


def describe(gguf, path):
    reader = gguf.GGUFReader(path)
    metadata = {}
    for key, field in reader.fields.items():
        if not key.startswith(("GGUF.", "general.", "tokenizer.")) or key in KEPT:
            metadata[key] = value_of(field)
    tensors = {}
    for t in reader.tensors:
        assert t.tensor_type == gguf.GGMLQuantizationType.F32, (t.name, t.tensor_type)
        tensors[t.name] = [[int(n) for n in t.shape], hashlib.sha256(t.data.tobytes()).hexdigest()]
    return {"metadata": metadata, "tensors": tensors}


def text_of(parts):
    """JSON, a line for each key and tensor."""
    rows = [f"{json.dumps(k)}: {text_of(v) if isinstance(v, dict) else json.dumps(v)}" for k, v in parts.items()]
    return "{" + ",\n".join(rows) + "}"


def main(llama_cpp, folder, names):
    sys.path[:0] = [llama_cpp, os.path.join(llama_cpp, "gguf-py")]
    import convert_hf_to_gguf as converter

    for file in sorted(Path(folder).glob("*.safetensors")):
        name = file.stem
        if names and name not in names:
            continue
        golden = json.load(open(file.with_suffix(".json")))
        if "v_head_dim" in golden["config"]:
            continue
        for which in ("hub", "config"):  # the converter does not know it, and leaves Mistral's windows out too
            if golden[which]["model_type"] == "ministral":
                golden[which].update(model_type="mistral", architectures=["MistralForCausalLM"])
        found = {}
        with tempfile.TemporaryDirectory() as scratch:
            for which in ("hub", "config"):
                model = Path(scratch) / which
                families.write_folder(golden, str(model), which)
                shutil.copy(Path(folder).parent / "tiny-llama" / "tokenizer.json", model)  # looked into for its length
                convert(converter, model, Path(scratch) / f"{which}.gguf")
                found[which] = describe(converter.gguf, Path(scratch) / f"{which}.gguf")
            families.write_adapter(golden, str(Path(scratch) / "adapter"))
            convert_adapter(llama_cpp, Path(scratch) / "hub", Path(scratch) / "adapter", Path(scratch) / "adapter.gguf")
            adapter = describe(converter.gguf, Path(scratch) / "adapter.gguf")
        if found["hub"] != found["config"]:
            print(f"{name}: the two forms of config.json do not convert alike; the published one counts:")
            for part in found["hub"]:
                for key in sorted({*found["hub"][part], *found["config"][part]}):
                    a, b = (found[w][part].get(key) for w in ("hub", "config"))
                    if a != b:
                        print(f"  {key}: {a} / {b}")
        with open(Path(folder) / f"{name}.gguf.json", "w") as f:
            f.write(text_of({**found["hub"], "adapter": adapter}) + "\n")
        print(name, len(found["hub"]["tensors"]), "tensors")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
