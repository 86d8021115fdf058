#!/usr/bin/env python3
"""Tiny tokenizers of every kind, and what the reference libraries (Hugging Face tokenizers, sentencepiece) make of texts.

    python tests/tools/tokenizer_kinds.py --out tests/golden/data/kinds                    writes the fixtures and their golden ids
    python tests/tools/tokenizer_kinds.py --check build/pith-run --texts 400 --seed 7      compares new random texts, writes nothing
    python tests/tools/tokenizer_kinds.py --check build/pith-run --vocab tokenizer.json    the same for a tokenizer of your own

A fixture is NAME.json or NAME.model, trained here on the texts of tokenizer_golden.py; NAME.ids.json holds the cases. "ids" is
for special tokens as text, "ids_special" for special tokens read (tokenizer.json only).
"""
import argparse
import io
import json
import os
import random
import subprocess
import tempfile

import sentencepiece
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from tokenizer_golden import TEXTS, random_text

SEED = 61
SPLIT = pre_tokenizers.Split
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
END = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT4O = rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{END}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{END}|\p{{N}}{{1,3}}{REST}"
TEKKEN = rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}{REST}"
DEEPSEEK3 = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
MORE = ["Don't STOP's KIſS'S 'Ll", "x  y\n\n  z\t\tw \r\n q", "12345678 1,234.5 ٣٤٥ ½²Ⅷ", "naïve Straße ﬁ ﬀ Ⅳ ㎏ ｆｕｌｌ ﷺ", "HTTPServer getURLs iPhone XMLa", "漢字かなカナ한글abc", "»(x)!?…。", "\ufeff\u200b\u00ad a\u00a0b",
        "▁a ▁▁b", "<0x41> <unk> </s>", "İstanbul IĞDIR ŒUVRE", "e\u0301\u0323 a\u030a", "🇩🇪👩‍🚀🏽", "\U0001e5d0\U00010d50 \U0001ccf3", "[A] [ A ] xAy  [A]", "a  [L]  b  [R]  c  [W]d [W] e", "UP up Up", "  both  "]


def split(pattern, behavior="isolated", invert=False):
    return SPLIT(Regex(pattern), behavior, invert)


def chain(*parts):
    return pre_tokenizers.Sequence(list(parts))


CJK3 = split("[一-龥぀-ゟ゠-ヿ]+")
LATIN = "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗ\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134ℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+"
BYTE_KINDS = {
    "llama3": (None, chain(split(LLAMA3), BYTES)),
    "qwen2": (normalizers.NFC(), chain(split(QWEN2), BYTES)),
    "gpt4o": (None, chain(split(GPT4O), BYTES)),
    "tekken": (None, chain(split(TEKKEN), BYTES)),
    "deepseek_llm": (None, chain(split("[\r\n]"), split(LATIN), split("\\s?[!-/:-~！-／：-～‘-‟　-。]+"), split("\\s+$"), split("[一-龥ࠀ-一가-퟿]+"), pre_tokenizers.Digits(True), BYTES)),
    "deepseek_coder": (None, chain(split("[\r\n]"), split("\\s?\\p{L}+"), split("\\s?\\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"), pre_tokenizers.Digits(True), BYTES)),
    "deepseek_v3": (None, chain(split("\\p{N}{1,3}"), CJK3, split(DEEPSEEK3), BYTES)),
    "falcon": (None, chain(pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False), pre_tokenizers.Digits(False), split("[0-9][0-9][0-9]"))),
    "starcoder": (None, chain(pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False))),
    "gpt2_prefix": (None, pre_tokenizers.ByteLevel(add_prefix_space=True)),
    "bloom": (None, chain(split(" ?[^(\\s|[.,!?…。，、।۔،])]+"), BYTES)),
    "odd": (normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex("\\s{2,}"), " "), normalizers.Strip()]),
            chain(split("(?<=[a-z])(?=\\d)|_++|(?>x*)y|[[:punct:]&&[^.]]{2,3}?", "merged_with_next"), pre_tokenizers.Punctuation("merged_with_previous"), split("\\bthe\\b|^a|z$", "removed", True) if False else pre_tokenizers.WhitespaceSplit(), BYTES)),
    "accents": (normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.NFC()]), chain(pre_tokenizers.Whitespace(), BYTES)),
    "byte_normalizer": (normalizers.ByteLevel(), None),
}


def corpus(rng):
    return [t for t in TEXTS + MORE if t] * 3 + [random_text(rng) for _ in range(50)]


def byte_level(name, rng):
    normalizer, pre = BYTE_KINDS[name]
    tokenizer = Tokenizer(models.BPE(ignore_merges=name in ("llama3", "tekken")))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre is not None:
        tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|begin|>", "<|end|>"]
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(corpus(rng), trainer)
    return tokenizer


def characters(name, rng):
    """sentencepiece's BPE in the form of a tokenizer.json."""
    pieces = {"<unk>": 0, "<s>": 1, "</s>": 2, **{"<0x%02X>" % b: 3 + b for b in range(256)}}
    normalizer = {"llama2": normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), "gemma": normalizers.Replace(" ", "▁")}.get(name)
    pre = {"metaspace_first": pre_tokenizers.Metaspace("▁", "first", False), "metaspace_always": pre_tokenizers.Metaspace("▁", "always", True),
           "gemma": SPLIT(" ", "merged_with_previous")}.get(name)
    seed = Tokenizer(models.BPE(unk_token="<unk>"))
    if normalizer:
        seed.normalizer = normalizer
    seed.pre_tokenizer = pre if name.startswith("meta") else SPLIT("▁", "merged_with_next")
    seed.train_from_iterator([t for t in TEXTS[:70] if t], trainers.BpeTrainer(vocab_size=360, special_tokens=["<unk>"], limit_alphabet=140, show_progress=False))
    trained = json.loads(seed.to_str())["model"]
    for piece in sorted(trained["vocab"], key=trained["vocab"].get):
        pieces.setdefault(piece, len(pieces))
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in trained["merges"]]
    if name == "gemma":
        for n in range(2, 5):
            for left in range(1, n):
                merges.append(("▁" * left, "▁" * (n - left)))
            pieces.setdefault("▁" * n, len(pieces))
    fallback = name != "metaspace_always"
    if not fallback:
        pieces = {p: i for i, p in enumerate(p for p in pieces if not p.startswith("<0x"))}
    tokenizer = Tokenizer(models.BPE(vocab=pieces, merges=merges, unk_token="<unk>", byte_fallback=fallback, fuse_unk=True))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    strip = [] if name == "gemma" else [decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()] + strip)
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in ("<unk>", "<s>", "</s>")])
    if name == "gemma":
        tokenizer.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("▁▁", normalized=False), AddedToken("<b>", normalized=False)])
    return tokenizer


def wordpiece(rng, cased):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=12 if cased else 100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=not cased)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    tokenizer.train_from_iterator(corpus(rng), trainers.WordPieceTrainer(vocab_size=500, special_tokens=special, limit_alphabet=200, show_progress=False))
    return tokenizer


def flags(rng):
    tokenizer = byte_level("llama3", rng)
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.add_tokens([AddedToken("[L]", lstrip=True, normalized=False), AddedToken("[R]", rstrip=True, normalized=False), AddedToken("[W]", single_word=True, normalized=False),
                          AddedToken("UP", normalized=True), AddedToken("[A]", lstrip=True, rstrip=True, single_word=True, normalized=False)])
    tokenizer.add_special_tokens([AddedToken("<|im_end|>", rstrip=True)])
    return tokenizer


def train_spm(kind, rng):
    """sentencepiece models; returns their bytes."""
    texts = [t.replace("\n", " ").replace("\0", "") for t in TEXTS[:70]]
    model = io.BytesIO()
    rules = tempfile.NamedTemporaryFile("w", suffix=".tsv")
    for source, target in (("\ufb01", "fi"), ("\u2026", "..."), ("\u00a0", " "), ("\u3000", " "), ("e\u0301", "\u00e9"), ("\u00ad", ""), ("A", "a"), ("A\u030a", "\u00e5")):
        rules.write(" ".join("%X" % ord(c) for c in source) + "\t" + " ".join("%X" % ord(c) for c in target) + "\n")
    rules.flush()
    options = {
        "spm_bpe": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, vocab_size=520),
        "spm_bpe_symbols": dict(model_type="bpe", normalization_rule_tsv=rules.name, user_defined_symbols=["<b>", "the", "▁▁"], vocab_size=320),
        "spm_bpe_no_prefix": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", add_dummy_prefix=False, vocab_size=520, user_defined_symbols=["<b>", "ing"]),
        "spm_unigram": dict(model_type="unigram", normalization_rule_tsv=rules.name, vocab_size=300),
        "spm_unigram_bytes": dict(model_type="unigram", byte_fallback=True, normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False, vocab_size=520, user_defined_symbols=["<b>", "ing"]),
        "spm_nfkc": dict(model_type="unigram", normalization_rule_name="nmt_nfkc", vocab_size=300),
    }[kind]
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(texts * 4), model_writer=model, character_coverage=0.98, hard_vocab_limit=False,
                                             num_threads=1, minloglevel=2, **options)
    return model.getvalue()


def unigram_json(spm_bytes, fallback):
    processor = sentencepiece.SentencePieceProcessor(model_proto=spm_bytes)
    vocab = [(processor.id_to_piece(i), processor.get_score(i)) for i in range(processor.vocab_size())]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=0, byte_fallback=fallback))
    charsmap = charsmap_of(spm_bytes)
    steps = ([normalizers.Precompiled(charsmap)] if charsmap else []) + [normalizers.Replace(Regex(" {2,}"), " ")]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", "always", True)
    tokenizer.decoder = decoders.Metaspace("▁", "always", True)
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in ("<unk>", "<s>", "</s>")])
    return tokenizer


def charsmap_of(data):
    """normalizer_spec.precompiled_charsmap, out of the wire format: field 3, and field 2 within."""
    def fields(data):
        at = 0
        def varint():
            nonlocal at
            value = shift = 0
            while True:
                byte = data[at]
                at += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value
        while at < len(data):
            tag = varint()
            if tag & 7 == 0:
                varint()
                continue
            size = {1: 8, 5: 4}.get(tag & 7) or varint()
            yield tag >> 3, data[at:at + size]
            at += size
    spec = dict(fields(data)).get(3, b"")
    return bytes(dict(fields(spec)).get(2, b""))


JSON_KINDS = list(BYTE_KINDS) + ["llama2", "gemma", "metaspace_first", "metaspace_always", "flags", "unigram", "unigram_bytes"]
MODEL_KINDS = ["spm_bpe", "spm_bpe_symbols", "spm_bpe_no_prefix", "spm_unigram", "spm_unigram_bytes"]
LARGE_KINDS = ["unigram_nfkc", "spm_nfkc"]  # with sentencepiece's whole NFKC table: not committed


def build(kind, rng, folder):
    """Writes the fixture; returns its path and a function from (text, special) to ids."""
    if kind.startswith("spm_"):
        data = train_spm(kind, rng)
        path = os.path.join(folder, kind + ".model")
        with open(path, "wb") as file:
            file.write(data)
        processor = sentencepiece.SentencePieceProcessor(model_proto=data)
        return path, lambda text, special: processor.encode(text)
    if kind in BYTE_KINDS:
        tokenizer = byte_level(kind, rng)
    elif kind.startswith("wordpiece"):
        tokenizer = wordpiece(rng, kind == "wordpiece_cased")
    elif kind == "flags":
        tokenizer = flags(rng)
    elif kind.startswith("unigram"):
        tokenizer = unigram_json(train_spm("spm_" + kind.replace("unigram_nfkc", "nfkc"), rng), kind == "unigram_bytes")
    else:
        tokenizer = characters(kind, rng)
    path = os.path.join(folder, kind + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(json.loads(tokenizer.to_str()), file, ensure_ascii=True, separators=(",", ":"))
    return path, oracle(tokenizer)


def oracle(tokenizer):
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def ids(text, special):
        tokenizer.encode_special_tokens = not special
        return tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def wild_text(rng):
    """random_text, and code points from the whole of Unicode."""
    out = random_text(rng)
    if rng.random() < 0.5:
        out += "".join(chr(c) for c in (rng.randrange(0x20, 0x323B0) for _ in range(rng.randint(1, 6))) if not 0xD800 <= c < 0xE000)
    return out + rng.choice(MORE + [""] * 4)


def usable(kind, text):
    # A text that spells a byte token, or a control token of a unigram model, is read as that token by Hugging Face.
    return not (("<0x" in text or "unigram" in kind and ("<unk>" in text or "s>" in text)) and kind not in BYTE_KINDS)


def check(command, path, ids, texts, kind):
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, "text.txt")
        for text in texts:
            with open(name, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            run = subprocess.run([command, "tokenize", "--model", path, "--file", name], capture_output=True, text=True)
            got = [int(i) for i in run.stdout.split()] if run.returncode == 0 else run.stderr
            want = ids(text, False)
            if got != want:
                bad += 1
                if bad <= 3:
                    print(f"  {text!r}\n    wanted {want}\n    got    {got}")
    print(f"{kind}: {len(texts)} texts, {bad} differ", flush=True)
    return bad


def digest(ids):
    """Of a list of ids too long to keep."""
    value = 0
    for one in ids:
        value = (value * 1000003 + one) % 2**32
    return {"count": len(ids), "digest": value}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out")
    parser.add_argument("--check")
    parser.add_argument("--vocab")
    parser.add_argument("--kind", action="append")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args()
    if args.vocab:
        rng = random.Random(args.seed)
        raise SystemExit(check(args.check, args.vocab, oracle(Tokenizer.from_file(args.vocab)), [wild_text(rng) for _ in range(args.texts)], args.vocab) > 0)
    kinds = args.kind or JSON_KINDS + MODEL_KINDS + (LARGE_KINDS if args.check else [])
    bad = 0
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            path, ids = build(kind, random.Random(SEED), args.out or folder)
            rng = random.Random(args.seed)
            texts = [t for t in (TEXTS + MORE if args.out else []) + [wild_text(rng) for _ in range(60 if args.out else args.texts)] if usable(kind, t)]
            if args.check:
                bad += check(args.check, path, ids, texts, kind)
                continue
            cases = []
            for text in texts:
                case = {"text": text, "ids": ids(text, False)}
                if not kind.startswith("spm_"):
                    case["ids_special"] = ids(text, True)
                cases.append(case)
            if kind.startswith("spm_unigram"):  # far enough for sentencepiece's sums of scores to run out of bits
                text, repeat = " ".join(t for t in TEXTS if usable(kind, t)) + " ", 40
                cases.append({"text": text, "repeat": repeat, **digest(ids(text * repeat, False))})
            versions = {"tokenizers": tokenizers.__version__, "sentencepiece": sentencepiece.__version__}
            with open(os.path.join(args.out, kind + ".ids.json"), "w", encoding="utf-8") as file:
                json.dump({"versions": versions, "seed": args.seed, "fixture": os.path.basename(path), "cases": cases}, file, separators=(",", ":"))
                file.write("\n")
    raise SystemExit(bad > 0)


if __name__ == "__main__":
    main()
