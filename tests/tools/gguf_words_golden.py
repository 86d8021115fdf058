#!/usr/bin/env python3
"""Words that tokenizers cuts texts into, by each name of tokenizer.ggml.pre: the steps of the models' tokenizer.json.

    python tests/tools/gguf_words_golden.py --out tests/golden/data     writes gguf_words.json
"""
import argparse
import json
import os
import random

import tokenizers
from tokenizers import Regex
from tokenizers import pre_tokenizers as pre

HEAD = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
SIGNS = r"| ?[^\s\p{L}\p{N}]+[\r\n]*"
TAIL = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2, LLAMA3 = HEAD + r"\p{N}" + SIGNS + TAIL, HEAD + r"\p{N}{1,3}" + SIGNS + TAIL
UPPER, LOWER = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}%s]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}%s]"
SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"


def cased(suffix, besides=""):
    upper, lower = UPPER % besides, LOWER % besides
    return upper + "*" + lower + "+" + suffix + "|" + upper + "+" + lower + "*" + suffix


GPT4O = cased(SHORT) + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + TAIL
CJK = "[一-龥぀-ゟ゠-ヿ]+"
DEEPSEEK3 = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
SPACES = "".join(r"|\s{%d}(?!\S)" % n for n in (512, 256, 128, 64, 32, 16, 8, 4)) + r"|\s{1,2}(?!\S)|\s{1}"


def isolated(pattern):
    return pre.Split(Regex(pattern), "isolated")


def gpt2():
    return pre.ByteLevel(add_prefix_space=False, use_regex=True)


NAMES = {
    "gpt-2": [gpt2()], "starcoder": [pre.Digits(True), gpt2()], "qwen2": [isolated(QWEN2)], "llama-bpe": [isolated(LLAMA3)], "smaug-bpe": [isolated(LLAMA3)],
    "qwen35": [isolated(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + TAIL)],
    "gpt-4o": [isolated(GPT4O)], "granite-embed-multi-97m": [isolated(GPT4O)], "tiny_aya": [isolated(r"\d{1,3}(?=(?:\d{3})*\b)"), isolated(GPT4O)],
    "tekken": [isolated(cased("") + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + TAIL)],
    "youtu": [isolated("[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|" + CJK), isolated(cased(SHORT) + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + TAIL)],
    "kimi-k2": [isolated(r"[\p{Han}]+|" + cased(SHORT, r"&&[^\p{Han}]") + r"|\p{N}{1,3}" + SIGNS + TAIL)],
    "minicpm5": [isolated(r"\p{N}{1,3}"), isolated(HEAD + r"\p{N}+" + SIGNS + TAIL)],
    "exaone-moe": [isolated(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+")],
    "jais-2": [isolated(HEAD + r"\p{N}{1,3}" + SIGNS + r"|\s*[\r\n]+" + SPACES)],
    "superbpe": [isolated(r"\p{N}+"), isolated(r"(?=(\d{3})+(?!\d))")],
    "chameleon": [isolated("<sentinel:[0-9]+>"), isolated("(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z"), isolated(r"([\t\n]|    |  )"), pre.Digits(True), pre.Punctuation("isolated"), gpt2()],
    "seed-coder": [isolated("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\r\n]+|\\s*[\r\n]+|\\s+(?!\\S)|\\s+")],
    "bailingmoe": [isolated(r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+")],
    "bloom": [isolated(r" ?[^(\s|[.,!?…。，、।۔،])]+")], "viking": [isolated(r" ?[^(\s|[.,!?…。，、।۔،])]+"), pre.Digits(True)],
    "falcon": [pre.Punctuation("contiguous"), gpt2(), pre.Digits(False), isolated("[0-9][0-9][0-9]")],
    "deepseek-coder": [isolated("[\r\n]"), isolated(r"\s?\p{L}+"), isolated(r"\s?\p{P}+"), isolated("[一-龥ࠀ-一가-\uD7FF]+"), pre.Digits(True)],
    "default": [isolated(r"[\p{P}$+<=>^~|]+"), isolated(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"), isolated(r"\p{N}+"),
                isolated("[0-9][0-9][0-9]")],
    "deepseek-v3": [isolated(r"\p{N}{1,3}"), isolated(CJK), isolated(DEEPSEEK3)],
}
TEXTS = ["It's 1234567 o'clock, WE'LL see   \n\n  x\t\ty \r\n", "漢字かなカナ한국어ㄅㄆ «quote» don'T 12345 3.14", "<sentinel:12>IMGIMGABZ    four  two\n", "camelCaseWord HTMLParser naïve ÉCOLE Straße",
         "e\u0301a\u0308 \u0915\u094d\u0937\u093f ไทย 👩‍👩‍👧 !!!\n//x", " ½²³ ٣٤٥ 1000000000 0x1F", "      indented  \u00a0\u3000wide\u200b", "", " ", "…“”—：；，、“a”", "人's 漢A漢b，c", "don't 'ſ 'S it'Ll"]


def words(steps, text):
    """The words as text. GPT-2's step turns them into its alphabet: turned back."""
    sequence = pre.Sequence(steps)
    alphabet = any(isinstance(step, pre.ByteLevel) for step in steps)
    out = [word for word, _ in sequence.pre_tokenize_str(text)]
    if not alphabet:
        return [word.encode() for word in out]
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    back = {chr(byte): byte for byte in printable} | {chr(0x100 + i): byte for i, byte in enumerate(others)}
    return [bytes(back[c] for c in word) for word in out]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=71)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    pools = [(0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x5FF), (0x900, 0xDFF), (0x2000, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x1F300, 0x1FAFF)]
    texts = list(TEXTS)
    for _ in range(12):
        texts.append("".join(rng.choice([" ", "\n", "7", "'s", "A", "b"]) if rng.random() < 0.4 else chr(rng.randint(*rng.choice(pools))) for _ in range(24)))
    golden = {"versions": {"tokenizers": tokenizers.__version__}, "seed": args.seed, "texts": texts,
              "words": {name: [[len(word) for word in words(steps, text)] for text in texts] for name, steps in NAMES.items()}}
    with open(os.path.join(args.out, "gguf_words.json"), "w", encoding="utf-8") as file:
        json.dump(golden, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
