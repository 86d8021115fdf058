"""Makes tests/golden/base/blocks/*.gguf: random blocks of each quantised type that pith reads, and the floats that the gguf package makes
of them; and quantise.gguf beside them: rows as the gguf package (Q5_0, Q5_1) and ggml's own C functions (Q4_K, Q6_K) quantise them.

Needs numpy and gguf; for quantise.gguf a library with ggml's functions, such as libctransformers.so of ctransformers 0.2.27 or
libggml-base.so of llama-cpp-python. Usage: python tests/tools/blocks_golden.py [GGML_LIBRARY VERSION]
"""
import ctypes
import importlib.metadata
import os
import sys

import gguf
import numpy as np

SEED = 20261127
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "base", "blocks")
Q = gguf.GGMLQuantizationType
# Where a block has its halves.
HALVES = {Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.IQ4_XS: [0], Q.Q2_K: [80, 82], Q.Q3_K: [108], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208]}
COLS = 256
# Bits of the halves, a row of blocks each: ordinary, subnormal, negative, the largest, zeros of both signs, any that is finite.
ROWS = [lambda rng, n: rng.integers(0x1400, 0x2C00, n), lambda rng, n: rng.integers(1, 0x400, n), lambda rng, n: rng.integers(0x9400, 0xAC00, n),
        lambda rng, n: np.where(rng.integers(0, 2, n) == 1, 0x7BFF, 0xFBFF), lambda rng, n: rng.integers(0, 2, n) << 15,
        lambda rng, n: rng.integers(0, 0x7C00, n) | rng.integers(0, 2, n) << 15]


def versions():
    return f"gguf {importlib.metadata.version('gguf')}, numpy {np.__version__}"


class InitParams(ctypes.Structure):
    _fields_ = [("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]


def open_ggml(library):
    ggml = ctypes.CDLL(library)
    ggml.ggml_init.argtypes, ggml.ggml_init.restype = [InitParams], ctypes.c_void_p
    ggml.ggml_init(InitParams(1 << 20, None, True))  # fills the table by which halves are widened
    return ggml


def check_values(ggml, kind, blocks, values):
    """ggml's own C function agrees with the package to the bit."""
    function = getattr(ggml, f"dequantize_row_q{kind.name[1]}_K", None)
    if function is None or not kind.name.endswith("_K"):
        return
    out = np.zeros_like(values)
    function.argtypes, function.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64], None
    function(blocks.ctypes.data, out.ctypes.data, values.size)
    differing = int((out.view(np.uint32) != values.view(np.uint32)).sum())
    if differing:
        raise SystemExit(f"{kind.name}: gguf and ggml differ in {differing} values")


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_blocks(kind, ggml):
    rng = np.random.default_rng([SEED, kind.value])
    values, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (len(ROWS) + 2, COLS // values, size), dtype=np.uint8)
    blocks[-2], blocks[-1] = 0, 255  # all codes and small scales at either end
    for row, draw in enumerate(ROWS + [ROWS[0], ROWS[2]]):
        for at in HALVES[kind]:
            blocks[row, :, at:at + 2] = draw(rng, COLS // values).astype(np.uint16).reshape(-1, 1).view(np.uint8)
    blocks = blocks.reshape(len(blocks), -1)
    name = kind.name.lower()
    writer = gguf.GGUFWriter(os.path.join(ROOT, name + ".gguf"), "none")
    writer.add_uint32("golden.seed", SEED)
    writer.add_string("golden.versions", versions())
    writer.add_tensor(name, blocks, raw_dtype=kind)
    values = gguf.quants.dequantize(blocks, kind)
    if ggml:
        check_values(ggml, kind, blocks, values)
    writer.add_tensor("values", values)
    finish(writer)


def write_quantised(library, version):
    rng = np.random.default_rng(SEED)
    rows = [rng.standard_normal((6, COLS)) * 0.05, rng.standard_t(3, (4, COLS)) * 0.02, rng.uniform(0, 1, (2, COLS)), -rng.uniform(0, 1, (1, COLS)),
            rng.laplace(0, 0.03, (2, COLS)) + 0.02]
    rows = np.ascontiguousarray(np.concatenate(rows).astype(np.float32))
    ties = rng.integers(-32, 32, (4, COLS)) * 0.25
    edges = [np.zeros((1, COLS)), np.full((1, COLS), 0.37), ties, rng.standard_normal((1, COLS)) * 1e-6, rng.standard_normal((1, COLS)) * 1e4]
    edges = np.concatenate(edges).astype(np.float32)
    ggml = open_ggml(library)
    writer = gguf.GGUFWriter(os.path.join(ROOT, "quantise.gguf"), "none")
    writer.add_uint32("golden.seed", SEED)
    writer.add_string("golden.versions", versions() + ", " + version)
    writer.add_tensor("input", rows)
    writer.add_tensor("edges", edges)
    for kind in (Q.Q5_0, Q.Q5_1):
        for name, source in (("", rows), ("edges.", edges)):
            writer.add_tensor(name + kind.name.lower(), gguf.quants.quantize(source, kind), raw_dtype=kind)
    for kind in (Q.Q4_K, Q.Q6_K):
        out = np.zeros(gguf.quant_shape_to_byte_shape(rows.shape, kind), np.uint8)
        stem = f"quantize_row_q{kind.name[1]}_K_ref"
        function = getattr(ggml, stem if hasattr(ggml, stem) else stem + "erence")
        function.argtypes, function.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int], None
        function(rows.ctypes.data, out.ctypes.data, rows.size)
        writer.add_tensor(kind.name.lower(), out, raw_dtype=kind)
    finish(writer)


if __name__ == "__main__":
    os.makedirs(ROOT, exist_ok=True)
    for quantised in HALVES:
        write_blocks(quantised, open_ggml(sys.argv[1]) if len(sys.argv) > 2 else None)
    if len(sys.argv) > 2:
        write_quantised(sys.argv[1], sys.argv[2])
