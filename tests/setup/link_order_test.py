"""Whether LibTorch and the sentencepiece library are linked so that they do not meet:  link_order_test.py PROGRAM…

libc10 and libsentencepiece both export FLAGS_minloglevel, four bytes in the one and an object of 32 in the other. Of a program's
libraries the first gives it to both. Were that libc10, sentencepiece would write over what lies behind the four bytes, which is
whether LibTorch's errors end the program. The other way round nothing is harmed: LibTorch only keeps the address."""
import os
import re
import subprocess
import sys


def position(needed, name):
    return next((i for i, library in enumerate(needed) if library.startswith(name)), None)


wrong = False
for program in sys.argv[1:]:
    if not os.path.exists(program):
        continue
    out = subprocess.run(["readelf", "--dynamic", program], capture_output=True, text=True, check=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(\S+)\]", out)
    torch, sentencepiece = position(needed, "libc10."), position(needed, "libsentencepiece.")
    if torch is not None and sentencepiece is not None and torch < sentencepiece:
        print(f"{program} links {needed[torch]} before {needed[sentencepiece]}: see data/text/libraries.cmake")
        wrong = True
sys.exit(wrong)
