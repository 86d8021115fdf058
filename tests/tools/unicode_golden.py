"""SHA-256 of what tokenizers' normalisers make of every character between others: the constants of tests/data/unicode_test.cc (tokenizers 0.23.3).

    python3 tests/tools/unicode_golden.py
"""
import hashlib
import os

from tokenizers import Tokenizer, normalizers

FORMS = {"NFC": normalizers.NFC(), "NFD": normalizers.NFD(), "NFKC": normalizers.NFKC(), "NFKD": normalizers.NFKD()}

if __name__ == "__main__":
    fixture = os.path.join(os.path.dirname(__file__), "../golden/data/kinds/unigram.json")
    charsmap, digest = Tokenizer.from_file(fixture).normalizer, hashlib.sha256()
    for c in [*range(0x80, 0xD800), *range(0xE000, 0x34000)]:
        # Sentencepiece's table is asked for whole graphemes: a mark that joins its A vanishes with it.
        digest.update(charsmap.normalize_str("A" + chr(c) + "A" + chr(c) + "\u094d\u0915").encode())
    print("graphemes", digest.hexdigest())
    for name, form in FORMS.items():
        digest = hashlib.sha256()
        for c in [*range(0x80, 0xD800), *range(0xE000, 0x34000), *range(0xE0000, 0xE0200)]:
            # A mark above, the character, a mark below: reordered, and composed, where the tables know the character.
            digest.update(form.normalize_str("o\u0301" + chr(c) + "\u0323" + chr(c) + "e\u0323").encode())
        print(name, digest.hexdigest())
