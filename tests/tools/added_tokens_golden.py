"""Ids that Hugging Face's tokenizers gives added tokens whose ids, texts or flags collide: tests/golden/data/added_tokens.json.

    python3 tests/tools/added_tokens_golden.py > tests/golden/data/added_tokens.json      (tokenizers 0.23.3)
    python3 tests/tools/added_tokens_golden.py --check build/pith-run [SEED]               new random files, by pith-run tokenize

Each case is a tokenizer.json (its model among "models", and a list of added tokens) with the library's ids of some texts. None of them becomes a special token:
those pith reads out of templates alone, and no merge yields them or goes on with them (so there are no texts where the model has them as pieces).
"""
import json
import os
import random
import subprocess
import sys
import tempfile

import tokenizers
from tokenizers import Tokenizer

LETTERS = "abcdefghij"


def bpe(holes):
    vocab = {c: i for i, c in enumerate(LETTERS)}
    merges = [["a", "b"], ["c", "d"], ["ab", "c"], ["e", "f"]]
    for left, right in merges:
        vocab[left + right] = len(vocab)
    if holes:
        vocab["ef"] = 20
    return {"type": "BPE", "vocab": vocab, "merges": merges}


MODELS = {
    "bpe": bpe(False),
    "holes": bpe(True),
    "twice": {"type": "BPE", "vocab": dict(bpe(False)["vocab"], bcd=14), "merges": bpe(False)["merges"][:2] + [["b", "cd"], ["a", "b"]]},
    "unigram": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0]] + [[c, -3.0 - i] for i, c in enumerate(LETTERS)] + [["ab", -4.0], ["c", -2.5]]},
    "wordpiece": {"type": "WordPiece", "unk_token": "a", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": dict({c: i for i, c in enumerate(LETTERS)}, **{"##" + c: 10 + i for i, c in enumerate(LETTERS)})},
}


def file(model, normalizer, added):
    return {"version": "1.0", "added_tokens": added, "normalizer": {"type": "Lowercase"} if normalizer else None, "pre_tokenizer": {"type": "WhitespaceSplit"},
            "post_processor": None, "decoder": None, "model": MODELS[model]}


def case(rng):
    texts = ["a", "ab", "cd", "<x>", "<y>", "<z>", "X", "E F", "##b"]  # of texts that a normaliser makes equal the library takes any
    added = []
    for _ in range(rng.randint(1, 6)):
        flag = lambda p: rng.random() < p
        added.append({"id": rng.choice([0, 1, 5, 10, 12, 14, 15, 21, 22, 30, 40]), "content": rng.choice(texts), "single_word": flag(0.2), "lstrip": flag(0.2),
                      "rstrip": flag(0.2), "normalized": flag(0.5), "special": flag(0.2)})
    model, normalizer = rng.choice(list(MODELS)), rng.random() < 0.5
    reference = Tokenizer.from_str(json.dumps(file(model, normalizer, added)))
    special = {t["content"] for t in added if t["special"]}
    pieces = MODELS[model]["vocab"] if isinstance(MODELS[model]["vocab"], dict) else {t for t, _ in MODELS[model]["vocab"]}
    cases = []
    for _ in range(0 if special & set(pieces) else 6):
        text = "".join(rng.choice(list(LETTERS) + texts + [" ", " ", "A", "B", "C"]) for _ in range(rng.randint(1, 12)))
        ids = reference.encode(text, add_special_tokens=False).ids
        if not any(reference.token_to_id(s) in ids for s in special):
            cases.append([text, ids])
    return {"model": model, "normalizer": normalizer, "added": added, "ids": {t["content"]: reference.token_to_id(t["content"]) for t in added}, "texts": cases}


def unambiguous(c):
    """Where an added id falls upon one of the model's, the library decodes what pith refuses."""
    vocab = MODELS[c["model"]]["vocab"]
    model = {i: t for t, i in vocab.items()} if isinstance(vocab, dict) else {i: t for i, (t, _) in enumerate(vocab)}
    return all(model.get(i, t) == t for t, i in c["ids"].items())


if __name__ == "__main__":
    check = sys.argv[1:2] == ["--check"]
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 41)
    cases = [c for c in (case(rng) for _ in range(400 if check else 60)) if unambiguous(c)]
    if not check:
        json.dump({"versions": {"tokenizers": tokenizers.__version__}, "seed": 41, "models": MODELS, "cases": cases}, sys.stdout, ensure_ascii=False, separators=(",", ":"))
        print()
        sys.exit(0)
    wrong = total = 0
    with tempfile.TemporaryDirectory() as folder:
        path, text_path = os.path.join(folder, "tokenizer.json"), os.path.join(folder, "text.txt")
        for c in cases:
            json.dump(file(c["model"], c["normalizer"], c["added"]), open(path, "w"))
            for text, ids in c["texts"]:
                open(text_path, "w").write(text)
                got = subprocess.run([sys.argv[2], "tokenize", "--model", path, "--file", text_path], capture_output=True, text=True)
                total += 1
                if got.returncode or [int(i) for i in got.stdout.split()] != ids:
                    wrong += 1
                    print(c["model"], c["normalizer"], c["added"], repr(text), ids, got.stdout, got.stderr)
    print(f"{total} texts, {wrong} differ")
