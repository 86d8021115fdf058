#!/usr/bin/env python3
"""Golden token ids, by Hugging Face tokenizers and llama.cpp.

    python tests/tools/tokenizer_golden.py --model SmolLM2.gguf --out tests/golden/data

writes smollm2_tokens.json (the demo model's vocabulary), smollm2_prompts.json (whole prompts by apply_chat_template), tiny_tokenizer.json (a byte-level BPE of 300 tokens, trained
here) and tiny_tokens.json. Every text of the demo model is tokenised by both libraries, which must agree.
Transformers builds the tokenizer of a GGUF without its pre-tokenizer `smollm`; the script puts the published one in
(digits one by one, then ByteLevel).
"""
import argparse
import json
import os
import random

import llama_cpp
import tokenizers
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SEED = 20250

TEXTS = [
    "", " ", "  ", "   ", "\n", "\n\n", "\n\n\n", "\t", "\t\t", " \n", "\n ", " \n \n  x", "x  ", "x \n", "\r\n", "a\r\n\r\nb",
    "Hello", "Hello, world!", " Hello", "hello world", "Hello  world   again", "I'm you're he'd they'll we've it's don't I'M YOU'RE",
    "'s 't 're've'm'll'd 'S", "''s", "don''t", "0", "12", "123", "1234567890", "a1b22c333", " 1 22  333   4", "3.14159, 1,000,000.50 and -7/8",
    "x  1", "x  y", "1  2", "½ ² ³ Ⅷ ٣ ४ 五", "$48/2 = $<<48/2=24>>24", "#### 72", "\\boxed{\\frac{3}{4}}", "if (x == 3) { return y[i++]; }\n\n\t// done\n",
    "def f(x):\n    if x > 0:\n        return x ** 2\n    return None\n", "<div class=\"a\">&nbsp;</div>", "https://example.org/a?b=c&d=%20#e",
    "naïve café Ångström e\u0301 n\u0303", "Grüße aus Köln – ‘quoted’ “double” … — end", "Привет, мир! Как дела?", "שלום עולם", "مرحبا بالعالم ١٢٣", "你好,世界。今天天气很好!",
    "こんにちは世界、カタカナ", "안녕하세요 세계", "สวัสดีชาวโลก", "नमस्ते दुनिया", "ជាពិសេសខ្ញុំ", "😀 😃👍🏽 👨‍👩‍👧‍👦 🇩🇪 ❤️", "🚀🚀🚀", "a\u00a0b\u2003c\u3000d\u200be", "\u2028\u2029\u0085x",
    "\x00\x01\x02\x1b[0m\x7f", "a\x00b", "\ufeffBOM", "\ufffd", "<|im_end|>", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "<|im_start|>", "x<|im_end|>y <|endoftext|> z",
    "<|im_end", "|im_end|>", "<<|im_end|>>", "<|im_start|><|im_start|>", "<repo_name>a<file_sep>b<empty_output>", "<issue_start>1<issue_closed>", "ſ 'ſ İ ı ß ẞ ﬁ", "a" * 70, "ab" * 60, "!" * 90, " " * 100, "\n" * 40,
    "The quick brown fox jumps over the lazy dog. " * 4, "lorem_ipsum-dolor/sit.amet@consectetur", "MixedCASE camelCase snake_case SCREAMING_SNAKE", "1st 2nd 3rd 4th", "e=mc²; H₂O; x⁻¹", "\u0301\u0302", "a\u0300\u0301\u0302b", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛", "\U0010ffff",
    "\ue000\uf8ff", "tab\tseparated\tvalues\n1\t2\t3\n", "A train leaves at 9:45 a.m. going 60 mph; how far by 12:15 p.m.?", "Natalia sold clips to 48 of her friends in April.",
]


def random_text(rng):
    ranges = [(0x20, 0x7E)] * 6 + [(0x09, 0x0D), (0x00, 0x1F), (0xA0, 0x24F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0x2000, 0x22FF),
              (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x1F300, 0x1FAFF), (0x30, 0x39), (0x20, 0x20), (0x0A, 0x0A), (0x1D400, 0x1D7FF)]
    out = []
    for _ in range(rng.randint(1, 24)):
        low, high = rng.choice(ranges)
        out.append("".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 4))))
    return "".join(out)


def demo(args, versions, rng):
    whole = transformers.AutoTokenizer.from_pretrained(os.path.dirname(args.model), gguf_file=os.path.basename(args.model))
    fast = whole.backend_tokenizer
    fast.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    llama = llama_cpp.Llama(args.model, vocab_only=True, verbose=False)
    cases = []
    for text in TEXTS + [random_text(rng) for _ in range(120)]:
        ids = {}
        for name, special in (("ids", False), ("ids_special", True)):
            fast.encode_special_tokens = not special
            ids[name] = fast.encode(text, add_special_tokens=False).ids
            # llama.cpp's C interface ends texts at a zero byte only in its Python wrapper's callers; bytes are exact here.
            peer = llama.tokenize(text.encode(), add_bos=False, special=special)
            assert peer == ids[name], (text, peer, ids[name])
        cases.append({"text": text, **ids})
    fast.encode_special_tokens = False
    prompts = []
    for user in [t for t in TEXTS if "<" not in t]:
        for system in ("", "You solve problems.\n"):
            messages = ([{"role": "system", "content": system}] if system else []) + [{"role": "user", "content": user}]
            ids = whole.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
            prompts.append({"user": user, "system": system, "ids": ids})
    write(args.out, "smollm2_prompts.json", {"versions": versions, "cases": prompts})
    write(args.out, "smollm2_tokens.json", {"versions": versions, "seed": SEED, "cases": cases})


def tiny(args, versions, rng):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([t for t in TEXTS if t] * 3, trainer)
    tokenizer.add_tokens([tokenizers.AddedToken("<think>", normalized=False), tokenizers.AddedToken("</think>", normalized=False)])
    tokenizer.save(os.path.join(args.out, "tiny_tokenizer.json"), pretty=False)
    cases = []
    for text in TEXTS + ["<think>x</think>", "a<think>"] + [random_text(rng) for _ in range(40)]:
        ids = {}
        for name, special in (("ids", False), ("ids_special", True)):
            tokenizer.encode_special_tokens = not special
            ids[name] = tokenizer.encode(text, add_special_tokens=False).ids
        cases.append({"text": text, **ids})
    write(args.out, "tiny_tokens.json", {"versions": versions, "seed": SEED, "cases": cases})


def write(folder, name, data):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(data, file, separators=(",", ":"))
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    versions = {m.__name__: m.__version__ for m in (transformers, tokenizers, llama_cpp)}
    rng = random.Random(SEED)
    demo(args, versions, rng)
    tiny(args, versions, rng)


if __name__ == "__main__":
    main()
