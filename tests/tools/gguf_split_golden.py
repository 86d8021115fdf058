"""Makes tests/golden/base/split*.gguf: one small file, whole and in parts, as the gguf package splits a model (as llama.cpp's converter does).

Needs numpy and gguf. Usage: python tests/tools/gguf_split_golden.py
"""
import importlib.metadata
import os

import gguf
import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "base")


def write(name, **split):
    writer = gguf.GGUFWriter(os.path.join(ROOT, name), "llama", **split)
    writer.add_name("split")
    writer.add_string("golden.gguf_version", importlib.metadata.version("gguf"))
    writer.add_array("golden.strings", ["a", "bc"])
    for i in range(5):
        writer.add_tensor(f"t{i}", np.arange(8 * (i + 1), dtype=np.float32).reshape(i + 1, 8) + i)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


write("split.gguf")
write("split.gguf", split_max_tensors=2)
