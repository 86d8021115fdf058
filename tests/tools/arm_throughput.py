"""What the inner loops of the int8 kernels cost on Arm's cores, by llvm-mca's models of them. By hand, outside CTest.

    python3 tests/tools/arm_throughput.py [--mca llvm-mca-22] [--llama LLAMA_CPP_FOLDER] [--write docs/arm.md] [--loops FOLDER]

Wants cmake, aarch64-linux-gnu-g++ with its binutils, and llvm-mca: 22 models more cores than 14 does. The kernels are
compiled as the aarch64 preset does, with debugging information beside, which says of every instruction from which functions it
was inlined. A loop is known by the one whose template arguments are a TensorType and the rows of x; FAMILIES below says what to look for.

Of each such function the innermost loop with the most products of bytes is taken (SDOT, SMMLA, SMULL, or FMLA for attention). Values of
W that a turn of it takes follow from the products and the rows of x, and bytes of W from the type. Where a turn takes less than a block
of 256, the loop around it is counted too, once per block.

--write puts the tables between the marks in the page; without it they are printed. --loops keeps the loops as assembly.
"""

import argparse
import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import namedtuple

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CROSS = "aarch64-linux-gnu-"
BEGIN, END = "<!-- made by tests/tools/arm_throughput.py: begin -->", "<!-- end -->"

# Of ggml's types: name, values and bytes of a block. Numbers as in base/tensor_type.h.
TYPES = {2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 20: ("IQ4_NL", 32, 18),
         10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210),
         23: ("IQ4_XS", 256, 136)}
NUMBERS = {name: number for number, (name, _, _) in TYPES.items()}

# Which kernels, by the file that they are compiled in and by a function's demangled name. `pairs`: 2 where that name counts pairs of rows.
# `weight_rows`: rows of W that a turn takes side by side.
TILE = r"\bTensorType\)(?P<type>\d+)>?, (?P<rows>\d+)\b"
Family = namedtuple("Family", "name file function pairs weight_rows")
FAMILIES = [
    Family("dotprod", r"^linear.*_dotprod$", TILE, 1, 4),
    Family("neon", r"^linear_int8.*_neon$", TILE, 1, 4),
    Family("i8mm", r"^linear.*_i8mm$", TILE, 2, 4),
]
ATTENTION = r"\b(?P<what>Scores|Mix)<(?:(?P<f16>true|false), |.*::\w*Dot, )?(?P<heads>\d+)>"
# llama.cpp's, by instruction set: vec_dot of one row of W at a time (of two by two rows with SMMLA), and of rows interleaved when the
# model is loaded: gemv for one row of x, gemm for several.
LLAMA = re.compile(r"^ggml_(?P<what>vec_dot|gemv|gemm)_(?P<type>q4_0|q4_1|q5_0|q5_1|q8_0|iq4_nl|q[2-6]_K|iq4_xs)_(?:(?P<tile>[48]x[48])_)?q8_[01K]$")
LLAMA_SETS = {"dotprod": ("-march=armv8.2-a+fp16+dotprod", "4x4", "8x4"), "i8mm": ("-march=armv8.2-a+fp16+dotprod+i8mm", "4x8", "8x8")}

# The cores to show: LLVM's name of the model, what phones call that core, a clock that phones run it at, and whether it has SMMLA.
Core = namedtuple("Core", "model label clock i8mm")
CORES = [Core("cortex-a55", "A55", 1.8, False), Core("cortex-a510", "A510", 2.0, True), Core("neoverse-n1", "A76 (N1)", 2.4, False),
         Core("neoverse-n2", "A710 (N2)", 2.8, True), Core("neoverse-v1", "X1 (V1)", 2.8, True), Core("neoverse-v2", "X3 (V2)", 3.2, True),
         Core("neoverse-v3", "X4 (V3)", 3.3, True)]
ASKED = ["cortex-a53", "cortex-a55", "cortex-a57", "cortex-a72", "cortex-a76", "cortex-a77", "cortex-a78", "cortex-a510", "cortex-a520",
         "cortex-a710", "cortex-a715", "cortex-a720", "cortex-a725", "cortex-x1", "cortex-x2", "cortex-x3", "cortex-x4", "cortex-x925",
         "neoverse-n1", "neoverse-n2", "neoverse-n3", "neoverse-v1", "neoverse-v2", "neoverse-v3", "apple-a7", "apple-m1", "apple-m4"]
PROBE = """ldr q1, [x0], #16
ldp q10, q11, [x2]
sdot v0.4s, v1.16b, v2.16b
smull v4.8h, v1.8b, v2.8b
smlal2 v4.8h, v1.16b, v2.16b
sadalp v5.4s, v4.8h
addp v6.4s, v0.4s, v3.4s
scvtf v6.4s, v6.4s
fmla v7.4s, v6.4s, v8.s[0]
tbl v9.16b, {v10.16b}, v11.16b
ushr v12.16b, v13.16b, #4
fcvtl v14.4s, v15.4h
ld1 {v16.h}[2], [x3]
"""

PRODUCTS = [(re.compile(r"^[su]mmla\s+v\d+\.4s|^usmmla"), 32), (re.compile(r"^(?:su|us|[su])dot\s+v\d+\.4s"), 16),
            (re.compile(r"^[su]ml(?:al|sl)2?\s+v\d+\.8h|^[su]mull2?\s+v\d+\.8h"), 8)]
FLOAT_PRODUCTS = [(re.compile(r"^fmla\s+v\d+\.4s"), 4)]

Loop = namedtuple("Loop", "begin end products")  # instructions [begin, end), the last of them branches back


def die(text):
    print("arm_throughput.py: " + text, file=sys.stderr)
    sys.exit(2)


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode != 0:
        die(shlex.join(command) + " failed:\n" + done.stderr)
    return done.stdout


# ---------------------------------------------------------------- objects


def kernel_objects(folder):
    """The kernels of this checkout → {file's name without .cc: program that cannot run, but whose addresses are final}"""
    run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=MinSizeRel", "-DPITH_TRAIN=OFF", "-DPITH_KERNELS_ONLY=ON",
         "-DCMAKE_TOOLCHAIN_FILE=" + os.path.join(ROOT, "cmake", "aarch64.cmake")])
    with open(os.path.join(folder, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    objects = {}
    for entry in commands:
        name = os.path.splitext(os.path.basename(entry["file"]))[0]
        if not any(re.search(family.file, name) for family in FAMILIES) and not name.startswith("attention"):
            continue
        words = shlex.split(entry["command"])
        words = words[[i for i, word in enumerate(words) if CROSS + "g++" in word][0] :]  # without ccache
        objects[name] = os.path.join(folder, name)
        words[words.index("-o") + 1] = objects[name] + ".o"
        run(words + ["-g"], cwd=folder)
        run([CROSS + "ld", "-e", "0", "--unresolved-symbols=ignore-all", "-o", objects[name], objects[name] + ".o"])
    return objects


def llama_objects(tree, folder):
    """llama.cpp's two files of kernels for Arm → {instruction set: [object]}"""
    found = glob.glob(os.path.join(tree, "**", "ggml-cpu", "arch", "arm", "quants.c"), recursive=True)
    if not found:
        die(f"{tree} holds no ggml-cpu/arch/arm/quants.c: give the folder of llama.cpp's sources")
    arm = os.path.dirname(found[0])
    cpu = os.path.dirname(os.path.dirname(arm))
    include = ["-I" + cpu, "-I" + os.path.dirname(cpu), "-I" + os.path.join(os.path.dirname(os.path.dirname(cpu)), "include")]
    objects = {}
    for name, (march, _, _) in LLAMA_SETS.items():
        for source, tool in (("quants.c", ["gcc", "-std=c11"]), ("repack.cpp", ["g++", "-std=c++17"])):
            out = os.path.join(folder, f"llama-{name}-{source}.o")
            run([CROSS + tool[0], tool[1], "-D_GNU_SOURCE", "-O3", "-DNDEBUG", march, *include, "-c", os.path.join(arm, source), "-o", out])
            objects.setdefault(name, []).append(out)
    return objects


def functions(path):
    """→ {demangled name: [(address, instruction)]}"""
    result, code = {}, None
    for line in run([CROSS + "objdump", "-dC", "--no-show-raw-insn", path]).splitlines():
        head = re.match(r"^[0-9a-f]+ <(.*)>:$", line)
        if head:
            code = result.setdefault(head[1], [])
        line = re.match(r"^\s+([0-9a-f]+):\s+(\S.*)$", line)
        if line and code is not None:
            code.append((int(line[1], 16), re.sub(r"\s*//.*$", "", line[2]).replace("\t", " ")))
    return result


# ---------------------------------------------------------------- loops

BRANCH = re.compile(r"^(b|b\.\w+|cbn?z|tbn?z) (.*?)([0-9a-f]+) <.*>$")


def products(instructions, kinds):
    return sum(next((count for pattern, count in kinds if pattern.search(text)), 0) for _, text in instructions)


def loops(code, kinds):
    at = {address: i for i, (address, _) in enumerate(code)}
    found = set()
    for i, (address, text) in enumerate(code):
        branch = BRANCH.match(text)
        target = at.get(int(branch[3], 16)) if branch else None
        if target is not None and target <= i:
            found.add((target, i + 1))
    widest = {}  # several ways back to one head are one loop
    for begin, end in found:
        widest[begin] = max(widest.get(begin, 0), end)
    return [Loop(begin, end, products(code[begin:end], kinds)) for begin, end in widest.items()]


def inside(inner, outer):
    return inner != outer and outer.begin <= inner.begin and inner.end <= outer.end


def innermost(code, kinds):
    """[(loop, the loop around it or None)] of the innermost loops with products"""
    all_loops = [loop for loop in loops(code, kinds) if loop.products]
    result = []
    for loop in all_loops:
        if not any(inside(other, loop) for other in all_loops):
            around = [other for other in all_loops if inside(loop, other)]
            result.append((loop, min(around, key=lambda other: other.end - other.begin) if around else None))
    return result


def heaviest(found):
    """Of loops that compute the same: the one with the most products, and of equals the longest."""
    return max(found, key=lambda pair: (pair[0].products, pair[0].end - pair[0].begin))


def origins(path, addresses):
    """→ {address: [demangled name of the function that it was inlined from, of that one's caller, …]}"""
    text = run([CROSS + "addr2line", "-aifCe", path], input="\n".join(hex(address) for address in addresses))
    result = {}
    for line in text.splitlines():
        if re.match(r"^0x[0-9a-f]+$", line):
            names = result.setdefault(int(line, 16), [])
            count = 0
            continue
        if count % 2 == 0:
            names.append(line)
        count += 1
    return result


def tiles(path, kinds, pattern):
    """→ [(match of the pattern, code, loop, the loop around it)], one for each text that the pattern matched"""
    found, asked = [], []
    for code in functions(path).values():
        for pair in innermost(code, kinds):
            loop = pair[0]
            first = next(i for i in range(loop.begin, loop.end) if products(code[i : i + 1], kinds))
            asked.append(code[first][0])
            found.append((code, pair))
    if not found:
        return []
    names, grouped = origins(path, asked), {}
    for address, (code, pair) in zip(asked, found):
        match = next(filter(None, (re.search(pattern, name) for name in names[address])), None)
        if match:
            grouped.setdefault(match[0], []).append((match, code, pair))
    result = []
    for group in grouped.values():
        best = heaviest([pair for _, _, pair in group])
        match, code, _ = next(entry for entry in group if entry[2] is best)
        result.append((match, code, *best))
    return result


def as_assembly(instructions):
    """Branches go to one label at the end: llvm-mca takes a loop's body as a straight line."""
    lines = []
    for _, text in instructions:
        branch = BRANCH.match(text)
        text = f"{branch[1]} {branch[2]}.Lnext" if branch else text
        lines.append(re.sub(r"^(adrp?|ldr) (\w+), [0-9a-f]+ <.*>$", r"\1 \2, .Lnext", text))
    return "\n".join(lines) + "\n.Lnext:\n"


class Mca:
    def __init__(self, program):
        self.program, self.seen = program, {}
        self.version = re.search(r"version (\S+)", run([program, "--version"]))[1]
        skip = "-skip-unsupported-instructions"
        self.lenient = [skip + "=any"] if skip in run([program, "--help"]) else []

    def report(self, assembly, model, turns):
        command = [self.program, "-mtriple=aarch64", "-mcpu=" + model, "-mattr=+dotprod,+i8mm,+fullfp16", *self.lenient,
                   f"-iterations={turns}", "-instruction-info=0", "-resource-pressure=0"]
        done = subprocess.run(command, input=assembly, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else None

    def cycles(self, assembly, model):
        """Cycles of one turn in the steady state, data in the first-level cache; None for a core that LLVM does not model."""
        key = (assembly, model)
        if key not in self.seen:
            totals = [self.report(assembly, model, turns) for turns in (100, 300)]
            if None in totals:
                self.seen[key] = None
            else:
                few, many = (int(re.search(r"Total Cycles:\s+(\d+)", text)[1]) for text in totals)
                self.seen[key] = (many - few) / 200
        return self.seen[key]

    def models(self):
        """Cores that LLVM answers for alike, each with the first of its likes: {name: first}"""
        first, same = {}, {}
        for core in ASKED:
            answer = self.report(PROBE, core, 100)
            if answer:
                same[core] = first.setdefault(answer, core)
        return same


# A function's loop: what it computes, and the parts that are timed with how often each runs while `values` of W are taken.
Measured = namedtuple("Measured", "family type rows values bytes products parts")


def measure(code, inner, around, family, number, rows, weight_rows):
    name, block, size = TYPES[number]
    values = inner.products / rows
    parts = [(as_assembly(code[inner.begin : inner.end]), 1)]
    whole = block * weight_rows
    if block == 256 and values < whole and around is not None:
        parts = [(parts[0][0], whole / values), (as_assembly(code[around.begin : inner.begin] + code[inner.end : around.end]), 1)]
        values = whole
    return Measured(family, name, rows, values, values / block * size, values * rows, parts)


def total_cycles(mca, measured, model):
    times = [mca.cycles(assembly, model) for assembly, _ in measured.parts]
    return None if None in times else sum(time * count for time, (_, count) in zip(times, measured.parts))


def kernel_loops(objects):
    result = []
    for file, path in sorted(objects.items()):
        for family in FAMILIES:
            if not re.search(family.file, file):
                continue
            for match, code, inner, around in tiles(path, PRODUCTS, family.function):
                if int(match["type"]) in TYPES:
                    result.append(measure(code, inner, around, family.name, int(match["type"]), int(match["rows"]) * family.pairs, family.weight_rows))
    return result


def llama_loops(objects, types):
    """Those of `types`; what is the same for both instruction sets stands once, as dotprod's."""
    result = []
    for name, paths in objects.items():
        for path in paths:
            for function, code in functions(path).items():
                match = LLAMA.match(function)
                found = innermost(code, PRODUCTS)
                if not match or match["type"].upper() not in types or (match["tile"] and match["tile"] not in LLAMA_SETS[name][1:]) or not found:
                    continue
                inner, around = heaviest(found)
                what, rows, weight_rows = match["what"], 1, int(match["tile"][0]) if match["tile"] else 1
                if what == "gemm":
                    rows = 4  # some take more; products per cycle do not depend on it
                elif what == "vec_dot" and name == "i8mm":
                    if not any("mmla" in text for _, text in code[inner.begin : inner.end]):
                        continue
                    rows = weight_rows = 2
                family = f"llama.cpp {what}" + (f" {match['tile']}" if match["tile"] else "") + f", {name}"
                result.append(measure(code, inner, around, family, NUMBERS[match["type"].upper()], rows, weight_rows))
    return result


def attention_loops(objects):
    """Bytes of keys or values, which a loop reads once for several query heads."""
    result = []
    for file, path in sorted(objects.items()):
        isa = re.search(r"^attention.*_(neon|dotprod|i8mm)$", file)
        if not isa:
            continue
        for kinds in (PRODUCTS, FLOAT_PRODUCTS):
            for match, code, inner, _ in tiles(path, kinds, ATTENTION):
                size, heads = 2 if match["f16"] else 1, int(match["heads"])
                by_bytes = match["what"] == "Scores" and size == 1
                if match["f16"] == "false" or by_bytes != (kinds is PRODUCTS) or (isa[1] != "neon" and match["what"] == "Mix"):
                    continue
                what = ("f16" if size == 2 else "int8") + (" keys" if match["what"] == "Scores" else " values")
                values = inner.products / heads
                result.append(Measured(isa[1], what, heads, values, values * size, inner.products, [(as_assembly(code[inner.begin : inner.end]), 1)]))
    return result


# ---------------------------------------------------------------- tables


def row(cells):
    return "| " + " | ".join(cells) + " |"


def head(first):
    return [row(first + [core.label for core in CORES]), row(["---"] * (len(first) + len(CORES)))]


def order(loop):
    name, block, _ = TYPES.get(NUMBERS.get(loop.type, -1), (loop.type, 0, 0))
    return block, name, loop.rows, loop.family.startswith("llama"), loop.family


def cells(mca, loop, show):
    result = []
    for core in CORES:
        cycles = total_cycles(mca, loop, core.model) if core.i8mm or "i8mm" not in loop.family else None
        result.append("–" if cycles is None else show(cycles))
    return result


def share(rate, memory, cores):
    return f"{min(100, round(100 * rate * cores / memory))}"


def tables(mca, kernels, llama, attention):
    lines = []
    one = sorted([loop for loop in kernels + llama if loop.rows == 1], key=order)
    many = sorted([loop for loop in kernels + llama if loop.rows in (2, 4, 8)], key=order)
    lines += ["### One row of x: cycles per byte of weights", ""] + head(["type", "kernel"])
    lines += [row([loop.type, loop.family] + cells(mca, loop, lambda c: f"{c / loop.bytes:.3f}")) for loop in one]
    lines += ["", "### What cores can draw, one row of x", "",
              "GB/s of weights of one core at the clock below its name; in brackets what one, two and four such cores draw of a memory of 20 GB/s, then of",
              "60, in percent: below 100 the cores are the limit, not the memory.", ""]
    lines += [row(["type", "kernel"] + [core.label for core in CORES]), row(["---"] * (2 + len(CORES))),
              row(["", "GHz"] + [f"{core.clock}" for core in CORES])]
    for loop in one:
        if loop.family != "dotprod":
            continue
        drawn = []
        for core in CORES:
            cycles = total_cycles(mca, loop, core.model)
            rate = loop.bytes / cycles * core.clock if cycles else 0
            drawn.append(f"{rate:.1f} (" + ", ".join("/".join(share(rate, memory, n) for n in (1, 2, 4)) for memory in (20, 60)) + ")" if cycles else "–")
        lines.append(row([loop.type, loop.family] + drawn))
    lines += ["", "### Several rows of x: products (of two bytes, summed) per cycle", ""] + head(["type", "rows", "kernel"])
    lines += [row([loop.type, str(loop.rows), loop.family] + cells(mca, loop, lambda c: f"{loop.products / c:.1f}")) for loop in many]
    lines += ["", "### Attention: cycles per byte of the cache", ""] + head(["what", "query heads", "kernel"])
    chosen = sorted([loop for loop in attention if loop.rows in (1, 4)], key=lambda loop: (loop.type, loop.rows, loop.family))
    lines += [row([loop.type, str(loop.rows), loop.family] + cells(mca, loop, lambda c: f"{c / loop.bytes:.3f}")) for loop in chosen]
    groups = {}
    for core, first in mca.models().items():
        groups.setdefault(first, []).append(core)
    for group in groups.values():
        shown = [core.label for core in CORES if core.model in group]
        if len(shown) > 1:
            print(f"warning: to llvm-mca {mca.version} these are one core: {', '.join(shown)}", file=sys.stderr)
    lines += ["", f"llvm-mca {mca.version} answers alike for all cores of a line, which are one model:", ""]
    lines += ["- " + ", ".join(group) for group in groups.values()]
    return lines


def write_page(path, lines):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(BEGIN) != 1 or text.find(END, text.find(BEGIN)) < 0:
        die(f"{path} has no place for the tables: it wants the lines\n{BEGIN}\n{END}")
    before, rest = text.split(BEGIN)
    after = rest[rest.find(END) :]
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n" + "\n".join(lines) + "\n" + after)


def newest_mca():
    numbered = [path for folder in os.environ["PATH"].split(":") for path in glob.glob(os.path.join(folder, "llvm-mca-*"))]
    numbered = [path for path in numbered if re.search(r"-\d+$", path)]
    return max(numbered, key=lambda path: int(path.rsplit("-", 1)[1]), default=None) or shutil.which("llvm-mca")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mca", default=newest_mca(), help="llvm-mca; the newest one that is installed")
    parser.add_argument("--llama", help="llama.cpp's sources, whose kernels are compiled beside ours")
    parser.add_argument("--write", help="the page whose tables are replaced")
    parser.add_argument("--loops", help="a folder that takes the loops as assembly")
    args = parser.parse_args()
    if not args.mca or not shutil.which(args.mca):
        die("there is no llvm-mca: install Debian's llvm-22 (or llvm), or name it with --mca")
    if not shutil.which(CROSS + "g++"):
        die("there is no aarch64-linux-gnu-g++: install g++-aarch64-linux-gnu")
    mca = Mca(args.mca)
    with tempfile.TemporaryDirectory() as folder:
        objects = kernel_objects(os.path.join(folder, "pith"))
        kernels, attention = kernel_loops(objects), attention_loops(objects)
        llama = llama_loops(llama_objects(args.llama, folder), {loop.type for loop in kernels}) if args.llama else []
    if not kernels:
        die("no loop was found in the kernels: FAMILIES in this script says by which names they are looked for")
    for kind in sorted({loop.type for loop in kernels}):
        for family in sorted({loop.family for loop in kernels} - {"i8mm"}):
            if not any(loop.rows == 1 and loop.type == kind and loop.family == family for loop in kernels):
                print(f"warning: {family} has no loop with products for one row of {kind}: does it call a function that was not inlined?", file=sys.stderr)
    if args.loops:
        os.makedirs(args.loops, exist_ok=True)
        for loop in kernels + llama + attention:
            for part, (assembly, _) in enumerate(loop.parts):
                name = re.sub(r"\W+", "_", f"{loop.type}_{loop.rows}_{loop.family}_{part}") + ".s"
                with open(os.path.join(args.loops, name), "w", encoding="utf-8") as file:
                    file.write(f"// {loop.bytes:g} bytes, {loop.products:g} products\n" + assembly)
    lines = tables(mca, kernels, llama, attention)
    if args.write:
        write_page(args.write, lines)
    else:
        print("\n".join(lines))


if __name__ == "__main__":
    main()
