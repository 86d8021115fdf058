"""Makes tests/golden/base/*: what the reference libraries make of the same numbers.

Needs numpy, gguf and llama-cpp-python (ggml's own C functions); transformers for demo_rows.
Usage: python tests/tools/base_golden.py [DEMO_MODEL.gguf]
"""
import ctypes
import glob
import importlib.metadata
import importlib.util
import json
import os
import sys

import gguf
import numpy as np

SEED = 20240613
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "base")
QUANTISED = ["Q8_0", "Q4_0", "Q4_1"]
COLS = 64


def rows_to_quantise():
    rng = np.random.default_rng(SEED)
    rows = [rng.standard_normal((24, COLS)) * 0.05]
    rows.append(np.zeros((1, COLS)))
    rows.append(np.full((1, COLS), 0.37))
    rows.append(rng.uniform(0, 1, (2, COLS)))  # one sign only
    rows.append(rng.integers(-8, 8, (4, COLS)) * 0.5)  # on the grid, with ties
    rows.append(rng.integers(-127, 128, (4, COLS)) * 0.5 / 127)
    rows.append(rng.standard_normal((2, COLS)) * 1e4)
    rows.append(rng.standard_normal((2, COLS)) * 1e-6)  # scales that are subnormal in f16
    rows.append(rng.standard_normal((2, COLS)) * 1e-12)  # scales that vanish in f16
    spiky = rng.standard_normal((2, COLS)) * 1e-3
    spiky[:, ::32] = [[60000.0, -60000.0], [-1.0, 1.0]]
    rows.append(spiky)
    # Halves between two codes: 1/d is exact in the first row; in the others, multiplying by it is not dividing by d.
    ties = rng.integers(-126, 126, (1, COLS)) + 0.5
    ties[:, ::32] = 127
    rows.append(ties)
    for d in [0.1, 0.3, 0.7, 1.1, 1.9, 3.7]:
        grid = (rng.integers(0, 15, (1, COLS)) + 0.5) * d
        grid[:, ::32], grid[:, 1::32] = 0, 15 * d
        rows.append(grid)
    rows.append(np.tile([1.0, -1.0], COLS // 2)[None])  # which of two equal magnitudes Q4_0 takes its sign from
    return np.concatenate(rows).astype(np.float32)


def ggml_base():
    folder = os.path.join(os.path.dirname(importlib.util.find_spec("llama_cpp").origin), "lib")
    return ctypes.CDLL(sorted(glob.glob(folder + "/libggml-base.so*"))[0])


def ggml_quantise(rows, name):
    """The same by ggml's C functions."""
    base = ggml_base()
    out = np.zeros(gguf.quant_shape_to_byte_shape(rows.shape, gguf.GGMLQuantizationType[name]), np.uint8)
    function = getattr(base, f"quantize_row_{name.lower()}_ref")
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    function.restype = None
    function(rows.ctypes.data, out.ctypes.data, rows.size)
    return out


def ggml_quantise_chunk(rows, kind):
    """What llama.cpp's quantiser writes without an importance matrix."""
    base = ggml_base()
    out = np.zeros(gguf.quant_shape_to_byte_shape(rows.shape, kind), np.uint8)
    base.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    base.ggml_quantize_chunk.restype = ctypes.c_size_t
    wrote = base.ggml_quantize_chunk(kind.value, rows.ctypes.data, out.ctypes.data, 0, rows.shape[0], rows.shape[1], None)
    assert wrote == out.size
    return out


def write_quantise():
    rows = rows_to_quantise()
    writer = gguf.GGUFWriter(os.path.join(ROOT, "quantise.gguf"), "llama")
    writer.add_uint32("golden.seed", SEED)
    writer.add_string("golden.versions", f"gguf {importlib.metadata.version('gguf')}, numpy {np.__version__}")
    # One value of every metadata type, for the reader.
    writer.add_uint8("golden.u8", 200)
    writer.add_int8("golden.i8", -100)
    writer.add_uint16("golden.u16", 60000)
    writer.add_int16("golden.i16", -30000)
    writer.add_int32("golden.i32", -2000000000)
    writer.add_uint64("golden.u64", 2**62 + 1)
    writer.add_int64("golden.i64", -(2**62))
    writer.add_float32("golden.f32", 0.1)
    writer.add_float64("golden.f64", 0.1)
    writer.add_bool("golden.bool", True)
    writer.add_array("golden.strings", ["", "ä", "two words"])
    writer.add_array("golden.ints", [1, -2, 3])
    writer.add_array("golden.floats", [0.5, -1.25])
    writer.add_array("golden.bools", [True, False, True])
    writer.add_tensor("input", rows)
    kind = gguf.GGMLQuantizationType.IQ4_NL  # the gguf package has only its decoder
    quantised = ggml_quantise_chunk(rows, kind)
    writer.add_tensor("iq4_nl", quantised, raw_dtype=kind)
    writer.add_tensor("iq4_nl.values", gguf.quants.dequantize(quantised, kind))
    for name in QUANTISED:
        kind = gguf.GGMLQuantizationType[name]
        quantised = gguf.quants.quantize(rows, kind)
        reference = ggml_quantise(rows, name)
        if not np.array_equal(reference, quantised):
            raise SystemExit(f"{name}: gguf and ggml differ in {(reference != quantised).sum()} bytes")
        writer.add_tensor(name.lower(), quantised, raw_dtype=kind)
        writer.add_tensor(name.lower() + ".values", gguf.quants.dequantize(quantised, kind))
    writer.add_tensor("f16", rows.astype(np.float16))
    writer.add_tensor("bf16", gguf.quants.quantize(rows, gguf.GGMLQuantizationType.BF16),
                      raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_demo_rows(path):
    """A few values of q and k as transformers has them after undoing llama.cpp's permutation."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(os.path.dirname(path), gguf_file=os.path.basename(path),
                                                 dtype=torch.float32)
    state = model.state_dict()
    golden = {"versions": f"transformers {importlib.metadata.version('transformers')}", "tensors": {}}
    for gguf_name, name in [("blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.weight"),
                            ("blk.0.attn_k.weight", "model.layers.0.self_attn.k_proj.weight"),
                            ("blk.29.attn_q.weight", "model.layers.29.self_attn.q_proj.weight"),
                            ("blk.7.ffn_down.weight", "model.layers.7.mlp.down_proj.weight")]:
        weight = state[name].double()
        golden["tensors"][gguf_name] = {
            "shape": list(weight.shape),
            "first_column": [float(v) for v in weight[:, 0]],
            "row_1": [float(v) for v in weight[1, :16]],
            # Sensitive to the order of the rows.
            "weighted_sum": float((weight.sum(1) * torch.arange(weight.shape[0], dtype=torch.float64)).sum()),
        }
    with open(os.path.join(ROOT, "demo_rows.json"), "w") as file:
        json.dump(golden, file)


if __name__ == "__main__":
    os.makedirs(ROOT, exist_ok=True)
    write_quantise()
    if len(sys.argv) > 1:
        write_demo_rows(sys.argv[1])
