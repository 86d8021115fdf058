"""Whether each file compiles by itself, without code being made of it:  compile_alone.py BUILD

Builds that compile several files together (PITH_UNITY) do not see an #include that is missing. BUILD is a folder that was configured,
of which the sources of the rooms are taken. Exit code 1 where one does not compile; its messages are printed."""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys


def compile_alone(entry):
    words = shlex.split(entry["command"])
    compiler = next(i for i, word in enumerate(words) if pathlib.Path(word).name in ("c++", "g++", "clang++") or word == os.environ.get("CXX"))
    output = words.index("-o")
    run = subprocess.run(words[compiler:output] + words[output + 2:] + ["-fsyntax-only"], cwd=entry["directory"], capture_output=True, text=True)
    return run.returncode, run.stderr


def main(build):
    entries = json.loads(pathlib.Path(build, "compile_commands.json").read_text())
    source = pathlib.Path(__file__).resolve().parents[2]
    # Once each: a room that is in a library and in a program is compiled the same way.
    rooms = {entry["file"]: entry for entry in entries if not pathlib.Path(entry["file"]).is_relative_to(source / "tests")
             and not pathlib.Path(entry["file"]).is_relative_to(pathlib.Path(build).resolve())}
    if not rooms:
        print(f"compile_alone.py: {build} holds no commands for files of the rooms: configure it without PITH_UNITY", file=sys.stderr)
        return 2
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(compile_alone, rooms.values()))
    for _, messages in results:
        sys.stderr.write(messages)
    print(f"{len(rooms)} files compile by themselves" if not any(code for code, _ in results) else "some files do not compile by themselves (above)")
    return 1 if any(code for code, _ in results) else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
