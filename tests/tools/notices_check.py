"""Whether NOTICES.md names everything that the programs link:  notices_check.py REPOSITORY PROGRAM…

Names are those that the rooms' libraries.cmake look for, and the shared libraries that a program names as needed."""
import glob
import os
import re
import subprocess
import sys

NOT_LIBRARIES = {"ld-linux-x86-64", "ld-linux-aarch64"}  # the loader itself
OF_THE_BUILD = {"Git", "Threads"}                        # a program that is asked, and a way to call libc


def linked(repository, programs):
    """name → where it is linked"""
    found = {}
    for path in glob.glob(os.path.join(repository, "**/libraries.cmake"), recursive=True):
        text = open(path, encoding="utf-8").read()
        for name in re.findall(r"find_package\(([\w-]+)", text) + re.findall(r"find_library\(\w+ (?:NAMES )?([\w-]+)", text):
            found.setdefault(name, os.path.relpath(path, repository))
        for header in re.findall(r"find_path\(\w+ ([\w./-]+)", text):
            found.setdefault(re.split(r"[/.]", header)[0], os.path.relpath(path, repository))
    for program in programs:
        if not os.path.exists(program):
            continue
        out = subprocess.run(["readelf", "--dynamic", program], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"\(NEEDED\).*\[(\S+?)\.so", out):
            found.setdefault(library, os.path.basename(program))
    return {k: v for k, v in found.items() if k not in NOT_LIBRARIES | OF_THE_BUILD}


def main(repository, *programs):
    named = set(re.findall(r"`([^`]+)`", open(os.path.join(repository, "NOTICES.md"), encoding="utf-8").read()))
    libraries = linked(repository, programs)
    missing = {k: v for k, v in libraries.items() if k not in named and k.removeprefix("lib") not in named}
    for name, place in sorted(missing.items()):
        print(f"{place} links '{name}', which NOTICES.md does not name: add its holder and licence")
    print(f"{len(libraries) - len(missing)} of {len(libraries)} libraries are named")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
