#!/usr/bin/env python3
"""Judges pairs of answers by math-verify and by pith-run grade, and lists where the two differ. Run by hand:

    python tests/tools/math_verify_check.py --grade "build/pith-run grade" --data DATASETS --out table.md
        [--pairs-file tests/golden/rewards/answer_pairs.txt] [--kept verdicts.json] [--bare]

Wants math-verify (the verdicts in docs/answers.md come from 0.9.0 with sympy 1.14.0). The pairs are drawn with a fixed seed
from MATH and GSM8K: every gold answer with a rewritten form, and with a perturbed one. --pairs-file takes judged pairs
(GOLD | PREDICTION | 1 or 0) in their place. --kept keeps math-verify's verdicts, which take minutes, for the next run.
--bare gives math-verify the answers as they stand, without the $…$ (keep its verdicts in another file).
"""
import argparse, importlib.metadata, json, os, random, re, shlex, subprocess


def last_box(text):
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth = 0
    for at in range(start + 6, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[start + 7:at]
    return None


def golds(folder):
    out = []
    for name in ("math500", "train"):
        for line in open(f"{folder}/math/{name}.jsonl"):
            record = json.loads(line)
            answer = record.get("answer") or last_box(record["solution"])
            if answer:
                out.append(answer)
    for line in open(f"{folder}/gsm8k/test.jsonl"):
        out.append(json.loads(line)["answer"].split("#### ")[-1])
    return out


def is_number(text):
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def rewritten(gold, draw):
    """A form that means the same, or None."""
    forms = []
    if is_number(gold):
        forms += [gold + ".0" if "." not in gold else gold + "0", f"x = {gold}", f"\\frac{{{gold}}}{{1}}", f"{gold}\\text{{ units}}"]
    if m := re.fullmatch(r"(-?)\\d?frac\{(\d+)\}\{(\d+)\}", gold):
        sign, a, b = m.groups()
        forms += [f"{sign}{a}/{b}", f"{sign}\\dfrac{{{2 * int(a)}}}{{{2 * int(b)}}}", f"\\frac{{{sign}{a}}}{{{b}}}"]
    if m := re.fullmatch(r"(\d+) ?\\sqrt\{(\d+)\}", gold):
        forms += [f"\\sqrt{{{int(m[1]) ** 2 * int(m[2])}}}", f"{m[1]}\\cdot {m[2]}^{{1/2}}"]
    if re.fullmatch(r"\(.*\)", gold) and "," in gold:
        forms += [gold.replace("(", "\\left( ").replace(")", " \\right)")]
    if re.fullmatch(r"-?\w+(,-?\w+)+", gold) and not re.fullmatch(r"\d{1,3}(,\d{3})+", gold):
        forms += [", ".join(reversed(gold.split(",")))]
    words = r"text|mbox|matrix|[=,<>%$]|le|ge|in |cup|\.$|_\d|circ"
    if re.search(r"[a-z]", re.sub(r"\\[a-zA-Z]+", "", gold)) and not re.search(words, gold):
        forms += [f"0 + {gold}", f"\\frac{{2({gold})}}{{2}}", f"-(-({gold}))"]
    if "\\frac" in gold:
        forms += [gold.replace("\\frac", "\\dfrac"), gold.replace("\\frac", "\\tfrac")]
    if "\\sqrt" in gold and not re.search(words, gold):
        forms += [f"{gold} \\cdot \\frac{{\\sqrt{{2}}}}{{\\sqrt{{2}}}}", f"1 + {gold} - 1", re.sub(r"\\sqrt\{(\w+)\}", r"{\1}^{1/2}", gold)]
    if "\\pi" in gold and not re.search(words, gold):
        forms += [gold.replace("\\pi", "π"), f"\\frac{{{gold}}}{{\\pi}} \\cdot \\pi"]
    if m := re.fullmatch(r"\(([^(),]+),([^(),]+)\)", gold):
        if "infty" not in gold:
            forms += [f"x = {m[1]}, y = {m[2]}", f"\\begin{{pmatrix}} {m[1]} \\\\ {m[2]} \\end{{pmatrix}}"]
    if m := re.fullmatch(r"([\[(])([^(),]+),([^(),]+)([\])])", gold):
        if "infty" not in gold and m[1] + m[4] != "()":
            signs = {"(": "<", ")": "<", "[": "\\le", "]": "\\le"}
            forms += [f"{m[2]} {signs[m[1]]} x {signs[m[4]]} {m[3]}"]
    if re.fullmatch(r"\d+(,\d{3})+", gold):
        forms += [gold.replace(",", ""), gold.replace(",", "{,}"), gold.replace(",", "\\,")]
    if re.fullmatch(r"[^()\[\]{}\\=]+,[^()\[\]{}\\=]+", gold) and not re.fullmatch(r"\d{1,3}(,\d{3})+", gold):
        forms += [gold.replace(",", r" \text{ or } "), "\\{" + gold + "\\}"]
    if re.search(r"(?<![\d.])\d+ ?[+-] ?\d*i$", gold):
        forms += [f"{gold} + 0", f"\\frac{{3({gold})}}{{3}}"]
    if "pmatrix" in gold:
        forms += [gold.replace("pmatrix", "bmatrix")]
    if re.fullmatch(r"-?[\d.]+\^\\circ", gold):
        forms += [gold[:-6], gold[:-6] + "\\text{ degrees}"]
    if m := re.fullmatch(r"(\d+)\\%", gold):
        forms += [f"\\frac{{{m[1]}}}{{100}}", m[1] + "%"]
    if "\\text" in gold:
        forms += [re.sub(r"\\text\{([^{}]*)\}", r"\1", gold)]
    if gold.startswith("\\$"):
        forms += [gold[2:], gold[2:] + "\\text{ dollars}"]
    if "\\infty" in gold and "cup" not in gold:
        if m := re.fullmatch(r"\(-\\infty, ?(.*)\)", gold):
            forms += [f"x < {m[1]}"]
        if m := re.fullmatch(r"\[(.*), ?\\infty\)", gold):
            forms += [f"x \\ge {m[1]}"]
    return draw.choice(forms) if forms else None


def perturbed(gold, draw):
    """A form that means something else, or None."""
    digits = [m.start() for m in re.finditer(r"\d", gold)]
    forms = []
    if digits:
        at = draw.choice(digits)
        forms.append(gold[:at] + str((int(gold[at]) + 1) % 10) + gold[at + 1:])
    if re.fullmatch(r"[\d.]+|\\frac\{\d+\}\{\d+\}|\d*\\sqrt\{\d+\}", gold) and gold != "0":
        forms += [f"-{gold}", f"{gold}\\sqrt{{2}}", f"{gold}x"]
    if gold.startswith("-"):
        forms.append(gold[1:])
    if re.fullmatch(r"[^(){}\[\]\\]+,[^(){}\[\]\\]+", gold) and not re.fullmatch(r"\d+,\d{3}", gold):
        forms.append(gold.rsplit(",", 1)[0])
    if "\\pi" in gold:
        forms.append(gold.replace("\\pi", "3.14"))
    if "+" in gold and "=" not in gold:
        forms.append(gold.replace("+", "-", 1))
    if m := re.fullmatch(r"\(([^(),]+),([^(),]+)\)", gold):
        if m[1].strip() != m[2].strip():
            forms.append(f"({m[2]},{m[1]})")
    if "pmatrix" in gold and "\\\\" in gold:
        forms.append(gold.replace("\\begin{pmatrix}", "-\\begin{pmatrix}"))
    if gold.startswith("[") or gold.endswith("]"):
        forms.append(gold.replace("[", "(").replace("]", ")"))
    return draw.choice(forms) if forms else None


def draw_pairs(folder, count):
    draw = random.Random(7)
    pairs = []
    for gold in golds(folder):
        for kind, answer in (("same", rewritten(gold, draw)), ("different", perturbed(gold, draw))):
            if answer and answer != gold:
                pairs.append((gold, answer, kind))
    # Plain numbers are most of both sets: half of the pairs are of other kinds.
    plain = [p for p in pairs if is_number(p[0])]
    rest = [p for p in pairs if not is_number(p[0])]
    return draw.sample(plain, min(len(plain), count // 2)) + draw.sample(rest, min(len(rest), count // 2))


def read_pairs(path):
    pairs = []
    for line in open(path):
        line = line.rstrip("\n")
        if line and (not line.startswith("#") or line.startswith("#### ")):  # a gold answer may begin so
            gold, rest = line.replace("@n", "\n").split(" | ", 1)
            answer, judged = rest.rsplit(" | ", 1)
            pairs.append((gold, answer, "same" if judged == "1" else "different"))
    return pairs


def their_verdicts(pairs, kept, bare):
    known = {}
    if kept and os.path.exists(kept):
        known = {(gold, answer): verdict for gold, answer, verdict in json.load(open(kept))}
    from math_verify import parse, verify

    def dressed(text):
        return text if "$" in text or "\\boxed" in text or "\\(" in text or "\\[" in text or "####" in text else f"${text}$"

    verdicts = []
    for gold, answer, _ in pairs:
        if (gold, answer) not in known:
            try:
                known[gold, answer] = bool(verify(parse(dressed(gold)), parse(answer if bare else dressed(answer))))
            except Exception:  # its own timeouts
                known[gold, answer] = None
        verdicts.append(known[gold, answer])
    if kept:
        json.dump([[gold, answer, verdict] for (gold, answer), verdict in known.items()], open(kept, "w"))
    return verdicts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--grade", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--pairs-file")
    parser.add_argument("--kept")
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--pairs", type=int, default=4000)
    args = parser.parse_args()
    pairs = read_pairs(args.pairs_file) if args.pairs_file else draw_pairs(args.data, args.pairs)
    lines = "".join(json.dumps({"gold": g, "pred": p}) + "\n" for g, p, _ in pairs)
    ours = subprocess.run(shlex.split(args.grade), input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    ours = [json.loads(line)["verdict"] for line in ours]

    theirs = their_verdicts(pairs, args.kept, args.bare)
    table = {}
    for (gold, answer, kind), our, their in zip(pairs, ours, theirs):
        key = (kind, our == "correct", their)
        table.setdefault(key, []).append((gold, answer))
    with open(args.out, "w") as out:
        out.write(f"math-verify {importlib.metadata.version('math-verify')}, sympy {importlib.metadata.version('sympy')}, "
                  f"{len(pairs)} pairs\n\n| made to be | pith: correct | math-verify: correct | pairs |\n|---|---|---|---|\n")
        for key in sorted(table, key=str):
            out.write(f"| {key[0]} | {key[1]} | {key[2]} | {len(table[key])} |\n")
        for key in sorted(table, key=str):
            if key[1] != key[2] or key[1] != (key[0] == "same"):
                out.write(f"\n{key}\n")
                for gold, answer in table[key]:
                    out.write(f"    {gold}    |    {answer}\n")


main()
