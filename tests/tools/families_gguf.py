"""Writes what llama.cpp's converter makes of the tiny models of tests/golden/families.

    python tests/tools/families_gguf.py LLAMA_CPP_FOLDER tests/golden/families [NAME…]

  NAME.gguf.json      metadata {key: [type, value]}: the architecture's own keys; types as numbered in the format, of an array [9, type
                      of its items]; tensors {name: [shape as in the file, SHA-256 of its float32 bytes]}, in the file's order

LLAMA_CPP_FOLDER holds convert_hf_to_gguf.py, conversion/ and gguf-py/, as in the sources of llama-cpp-python 0.3.36 on PyPI (vendor/llama.cpp).
Vocabularies are left out (set_vocab), everything else is the converter's.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import families  # noqa: E402


def convert(converter, folder, out):
    """What the converter's main() does for a folder, in float32."""
    hparams = converter.ModelBase.load_hparams(folder, False)
    model_class = converter.get_model_class(converter.get_model_architecture(hparams, converter.ModelType.TEXT))

    class Bare(model_class):
        model_arch = model_class.model_arch

        def set_vocab(self):
            pass

    Bare(folder, converter.gguf.LlamaFileType.ALL_F32, out, eager=True).write()


def value_of(field):
    types = [int(t) for t in field.types]
    value = field.contents()
    return [types if types[0] == 9 else types[0], value.tolist() if hasattr(value, "tolist") else value]


def describe(gguf, path):
    reader = gguf.GGUFReader(path)
    metadata = {}
    for key, field in reader.fields.items():
        if not key.startswith(("GGUF.", "general.", "tokenizer.")) or key in ("general.architecture", "general.file_type"):
            metadata[key] = value_of(field)
    tensors = {}
    for t in reader.tensors:
        assert t.tensor_type == gguf.GGMLQuantizationType.F32, (t.name, t.tensor_type)
        tensors[t.name] = [[int(n) for n in t.shape], hashlib.sha256(t.data.tobytes()).hexdigest()]
    return {"metadata": metadata, "tensors": tensors}


def main(llama_cpp, folder, names):
    sys.path[:0] = [llama_cpp, os.path.join(llama_cpp, "gguf-py")]
    import convert_hf_to_gguf as converter

    for file in sorted(Path(folder).glob("*.safetensors")):
        name = file.stem
        if names and name not in names:
            continue
        golden = json.load(open(file.with_suffix(".json")))
        found = {}
        with tempfile.TemporaryDirectory() as scratch:
            for which in ("hub", "config"):
                model = Path(scratch) / which
                families.write_folder(golden, str(model), which)
                shutil.copy(Path(folder).parent / "tiny-llama" / "tokenizer.json", model)  # looked into for its length
                convert(converter, model, Path(scratch) / f"{which}.gguf")
                found[which] = describe(converter.gguf, Path(scratch) / f"{which}.gguf")
        if found["hub"] != found["config"]:
            print(f"{name}: the two forms of config.json do not convert alike; the published one counts:")
            for part in found["hub"]:
                for key in sorted({*found["hub"][part], *found["config"][part]}):
                    a, b = (found[w][part].get(key) for w in ("hub", "config"))
                    if a != b:
                        print(f"  {key}: {a} / {b}")
        with open(Path(folder) / f"{name}.gguf.json", "w") as f:
            parts = [f'"{part}": {{' + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in values.items()) + "}"
                     for part, values in found["hub"].items()]
            f.write("{" + ",\n".join(parts) + "}\n")
        print(name, len(found["hub"]["tensors"]), "tensors")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
