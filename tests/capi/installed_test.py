"""The library as a program of somebody else's meets it:  installed_test.py BUILD SOURCE CMAKE CC CXX

Installs libpith into a folder of the build, moves it, and builds against that tree alone: the example of docs/c-api.md and answer.c with
pkg-config and a C compiler, calls*.cc with CMake's package, shared and static. They run on the tiny golden model; what they print is
held against pith-run generate --json."""
import json
import math
import os
import random
import re
import shutil
import statistics
import subprocess
import sys

build, source, cmake, cc, cxx = sys.argv[1:6]
golden = os.path.join(source, "tests/golden")
folder = os.path.join(build, "capi-test")
prefix = os.path.join(folder, "installed")
quiet = {**os.environ, "LD_LIBRARY_PATH": os.path.join(prefix, "lib")}
quiet.pop("CPATH", None)


def run(*command, env=quiet, expect=0, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=env, cwd=folder, **more)
    if done.returncode != expect:
        sys.exit(f"{' '.join(map(str, command))} returned {done.returncode}:\n{done.stdout[-6000:]}{done.stderr[-6000:]}")
    return done


def check(condition, *what):
    if not condition:
        sys.exit(" ".join(map(str, what)))


def install():
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    run(cmake, "--install", build, "--prefix", os.path.join(folder, "first"), "--component", "library")
    os.rename(os.path.join(folder, "first"), prefix)  # a tree may be moved
    if not os.path.isdir(os.path.join(prefix, "lib")):  # lib64, lib/x86_64-linux-gnu
        found = [os.path.dirname(place) for place, _, files in os.walk(prefix) if "pith.pc" in files]
        os.symlink(found[0], os.path.join(prefix, "lib"))
    lib = os.path.join(prefix, "lib")
    return next(d for d, _, files in os.walk(lib) if "libpith.a" in files)


def symbols(lib):
    for name, options in (("libpith.so", ["-D"]), ("libpith.a", ["-g"])):
        out = run("nm", *options, "--defined-only", os.path.join(lib, name)).stdout
        names = [line.split()[2] for line in out.splitlines() if len(line.split()) == 3]
        declared = set(re.findall(r"PITH_API [^(;]*?\b(pith_\w+)\(", open(os.path.join(prefix, "include/pith.h")).read()))
        check(set(names) == declared, name, "defines", sorted(set(names) ^ declared), "that the header does not declare, or the other way round")
    dynamic = run("readelf", "-d", os.path.join(lib, "libpith.so")).stdout
    check(re.search(r"SONAME.*\[libpith\.so\.\d+\]", dynamic), "libpith.so has no SONAME with its ABI")


def make_files():
    run(os.path.join(build, "pith-export"), "convert", "--base", os.path.join(golden, "tiny-llama"), "--type", "f32", "--out", "tiny.gguf")
    run(os.path.join(build, "pith-export"), "adapter", "--adapter", os.path.join(golden, "tiny-alora"), "--base", "tiny.gguf", "--type", "f16",
        "--out", "alora.gguf")
    # The same with a verifier and a switcher that nobody fitted.
    shutil.copytree(os.path.join(golden, "tiny-alora"), os.path.join(folder, "peft-scored"))
    card = json.loads(run(os.path.join(build, "pith-run"), "info", "--json", "alora.gguf").stdout)["card"]
    random.seed(3)
    head = {"version": 1, "weights": [random.uniform(-0.5, 0.5) for _ in range(64)], "bias": 0.1, "reader": "adapter", "check_text": "Is it right?",
            "check_ids": [1, 40, 41, 42, 2, 1], "end_id": 2, "adapter_sha256": card["sha256"]["adapter"], "dataset": "sums", "type": "f16", "activations": "int8",
            "kv_type": "f16", "temperature": 1.0, "fit_problems": 3, "fit_chains": 12, "held_out_problems": 1, "held_out_chains": 4, "l2": 1.0, "right_share": 0.5,
            "auc": 0.625, "calibration_error": 0.125, "log_loss": 0.6, "proof_logits": []}
    with open(os.path.join(folder, "peft-scored/pith_verifier.json"), "w", encoding="utf-8") as file:
        json.dump(head, file)
    # Weights are drawn; the biases put the base's and the adapter's chances so that each is taken for about half of the prompts of calls_auto.cc.
    weights = [random.uniform(-0.3, 0.3) for _ in range(64)]
    switcher = {"version": 1, "arms": ["base", "adapter", "adapter-40"], "arm_adapters": ["", "self", "self"], "arm_budgets": [0, 0, 40], "arm_told": [0, 0, 0],
                "weights": weights + [-w for w in weights] + [0.0] * 64, "biases": [0.0, 0.0, -9.0], "token_weights": [0.0] * 192, "token_biases": [10.0, 20.0, 1.0],
                "least_tokens": [1.0, 1.0, 1.0], "most_tokens": [99.0, 99.0, 40.0], "price": 0.0, "curve_prices": [0.0, 9.0], "curve_tokens": [15.0, 2.0],
                "curve_accuracy": [0.5, 0.25], "adapter_sha256": card["sha256"]["adapter"], "dataset": "sums", "type": "f16", "activations": "int8", "kv_type": "f16",
                "max_tokens": 64, "fit_problems": 3, "held_out_problems": 1, "target_tokens": 15.0, "accuracy": 0.625, "mean_tokens": 14.5, "random_accuracy": 0.5,
                "difference_low": -0.25, "difference_high": 0.5, "arm_accuracy": [0.5, 0.5, 0.25], "arm_tokens": [10.0, 20.0, 2.0], "arm_auc": [0.5, 0.5, 0.5],
                "arm_calibration_error": [0.0, 0.0, 0.0], "proof_logits": [], "proof_tokens": []}
    def export_scored():
        with open(os.path.join(folder, "peft-scored/pith_switcher.json"), "w", encoding="utf-8") as file:
            json.dump(switcher, file)
        run(os.path.join(build, "pith-export"), "adapter", "--adapter", "peft-scored", "--base", "tiny.gguf", "--type", "f16", "--out", "scored.gguf")

    export_scored()
    logits = []
    for i in range(24):
        prompt = "Say " + chr(ord("a") + i) * (1 + i % 3) + (" and then 12 times 7?" if i % 2 else "")
        answer = run(os.path.join(build, "pith-run"), "generate", "--model", "tiny.gguf", "--adapter", "scored.gguf", "--mode", "auto", "--max-tokens", "2", "--json", "--prompt", prompt)
        chance = json.loads(answer.stdout)["arms"][0]["chance"]
        logits.append(math.log(chance / (1 - chance)))
    middle = statistics.median(logits)
    switcher["biases"] = [-middle, middle, -9.0]
    export_scored()


def programs():
    page = open(os.path.join(source, "docs/c-api.md"), encoding="utf-8").read()
    example = re.search(r"```c\n(.*?)```", page, re.S).group(1)
    check(40 <= len(example.splitlines()) <= 60, "the example has", len(example.splitlines()), "lines; it is to be one of sixty")
    open(os.path.join(folder, "example.c"), "w").write(example)
    shutil.copy(os.path.join(source, "tests/capi/answer.c"), folder)
    pkg = {**quiet, "PKG_CONFIG_PATH": os.path.join(prefix, "lib/pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "pith", env=pkg).stdout.split()
    for name in ("example", "answer"):
        run(cc, "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1", name + ".c", "-o", name, *flags)
    shutil.copytree(os.path.join(source, "tests/capi"), os.path.join(folder, "programs"))
    run(cmake, "-S", "programs", "-B", "programs-build", f"-DCMAKE_C_COMPILER={cc}", f"-DCMAKE_CXX_COMPILER={cxx}", "-DCMAKE_BUILD_TYPE=Release",
        f"-DCMAKE_PREFIX_PATH={prefix}", f"-DEXAMPLE={folder}/example.c")
    run(cmake, "--build", "programs-build")


def compare(adapter, *, cli, keys):
    """One request through pith-run and through the C API."""
    command = [os.path.join(build, "pith-run"), "generate", "--model", "tiny.gguf", "--json"] + (["--adapter", adapter] if adapter else [])
    ours = json.loads(run(*command, *cli).stdout)
    done = run("./answer", "tiny.gguf", adapter or "-", *keys)
    check(done.stderr == "", "answer wrote to stderr:", done.stderr)
    theirs = json.loads(done.stdout)
    check(theirs["text"] == ours["text"] or "\ufffd" in ours["text"], "text", repr(theirs["text"]), "pith-run:", repr(ours["text"]))
    chains = ours["chains"] or [ours]
    check(len(chains) == len(theirs["chains"]), "chains", theirs)
    for mine, their in zip(chains, theirs["chains"]):
        for field in ("token_ids", "thinking_tokens", "answer_tokens", "forced_tokens", "forced", "forced_by", "finish"):
            check(mine[field] == their.get(field), field, "is", their.get(field), "pith-run:", mine[field], cli)
    check((theirs["vote"] or None) == ours["vote"] or not ours["chains"], "vote", theirs["vote"], "pith-run:", ours["vote"])
    check(theirs["chains"][theirs["winner"]]["token_ids"] == ours["token_ids"], "chain", theirs["winner"], "wins, by pith-run another")
    streamed = theirs["parts"]
    check(sum(streamed) == sum(len(c["token_ids"]) for c in chains), "streamed", streamed)
    check(streamed[2] == sum(c["forced_tokens"] for c in chains), "streamed", streamed)
    return ours


def main():
    lib = install()
    quiet["LD_LIBRARY_PATH"] = lib
    symbols(lib)
    make_files()
    programs()
    question = "What is 12 times 7?"
    compare(None, cli=["--prompt", question, "--max-tokens", 40], keys=["user=" + question, "max_tokens=40"])
    compare("alora.gguf", cli=["--prompt", question, "--max-tokens", 40], keys=["user=" + question, "max_tokens=40"])
    compare("alora.gguf", cli=["--prompt", question, "--max-tokens", 40], keys=["user=" + question, "max_tokens=40", "scale=1"])
    forced = compare("alora.gguf", cli=["--prompt", question, "--budget", 96], keys=["user=" + question, "budget=96"])
    check(forced["forced"], "a budget of 96 was to close the reasoning:", forced)
    compare("alora.gguf", cli=["--prompt", question, "--think", 60, "--answer", 20, "--close-text", " So "],
            keys=["user=" + question, "think=60", "answer=20", "close_text= So "])
    compare(None, cli=["--prompt", question, "--system", "Be terse.", "--chains", 3, "--temperature", 0.8, "--top-p", 0.9, "--seed", 5, "--max-tokens", 30],
            keys=["user=" + question, "system=Be terse.", "chains=3", "temperature=0.8", "top_p=0.9", "seed=5", "max_tokens=30"])
    # Each field of a request does what pith-run's option of that name does, and something at all.
    plain = compare(None, cli=["--prompt", question, "--max-tokens", 40], keys=["user=" + question, "max_tokens=40"])
    drawn = ["--temperature", 1, "--seed", 3], ["temperature=1", "seed=3"]
    bare = compare(None, cli=["--prompt", question, "--max-tokens", 40, *drawn[0]], keys=["user=" + question, "max_tokens=40", *drawn[1]])
    held = compare("alora.gguf", cli=["--prompt", question, "--budget", 90], keys=["user=" + question, "budget=90"])
    pool = ["--budget", 400, "--chains", 3, "--reserve", 16], ["budget=400", "chains=3", "reserve=16"]
    apart = compare(None, cli=["--prompt", question, *pool[0], *drawn[0]], keys=["user=" + question, *pool[1], *drawn[1]])
    for adapter, before, cli, keys in (
            (None, bare, ["--max-tokens", 40, *drawn[0], "--top-k", 3], ["max_tokens=40", *drawn[1], "top_k=3"]),
            (None, bare, ["--max-tokens", 40, *drawn[0], "--min-p", 0.4], ["max_tokens=40", *drawn[1], "min_p=0.4"]),
            (None, plain, ["--max-tokens", 40, "--presence-penalty", 1.5], ["max_tokens=40", "presence_penalty=1.5"]),
            (None, plain, ["--max-tokens", 40, "--frequency-penalty", 1.5], ["max_tokens=40", "frequency_penalty=1.5"]),
            (None, plain, ["--max-tokens", 40, "--stop-id", plain["token_ids"][7], "--stop-id", 5], ["max_tokens=40", f"stop_id={plain['token_ids'][7]}", "stop_id=5"]),
            (None, plain, ["--max-tokens", 40, "--stop", "not there", "--stop", "u"], ["max_tokens=40", "stop=not there", "stop=u"]),
            (None, plain, ["--max-tokens", 40, "--seconds", 1e-6], ["max_tokens=40", "seconds=1e-6"]),
            (None, bare, ["--max-tokens", 60, *drawn[0], "--logit-bias", "2=9", "--seconds", 1000, "--min-think", 20],
             ["max_tokens=60", *drawn[1], "bias=2=9", "seconds=1000", "min_think=20"]),
            (None, apart, [*pool[0], *drawn[0], "--pool"], [*pool[1], *drawn[1], "pooled=1"]),
            ("alora.gguf", held, ["--budget", 90, "--reserve", 20], ["budget=90", "reserve=20"]),
            ("alora.gguf", held, ["--budget", 90, "--sentence", "In {budget}."], ["budget=90", "sentence=In {budget}."]),
            ("alora.gguf", held, ["--budget", 90, "--announcement", "in {budget}:"], ["budget=90", "announcement=in {budget}:"])):
        other = compare(adapter, cli=["--prompt", question, *cli], keys=["user=" + question, *keys])
        check([c["token_ids"] for c in other["chains"] or [other]] != [c["token_ids"] for c in before["chains"] or [before]], cli, "does nothing")
    voted = compare(None, cli=["--prompt", question, "--chains", 9, "--temperature", 0.5, "--logit-bias", "24=5", "--logit-bias", "2=4", "--max-tokens", 40],
                    keys=["user=" + question, "chains=9", "temperature=0.5", "bias=24=5", "bias=2=4", "max_tokens=40", "vote=1"])
    check(voted["vote"] and any(chain["finish"] == "cancelled" for chain in voted["chains"]), "a vote was to be decided early:", voted["vote"])
    compare(None, cli=["--raw", "--prompt", "<|im_start|>user\nhi", "--max-tokens", 20, "--repetition-penalty", 1.3],
            keys=["prompt=<|im_start|>user\nhi", "max_tokens=20", "repetition_penalty=1.3"])

    for example in ("./example", "programs-build/example_static"):
        done = run(example, "tiny.gguf", question, "alora.gguf")
        check(done.stderr == "", example, "wrote to stderr:", done.stderr)
        last = done.stdout.rstrip("\n").splitlines()[-1]
        usage = (f"-- {forced['thinking_tokens']} thought, {forced['answer_tokens']} answered, {forced['forced_tokens']} forced by "
                 f"{forced['forced_by']}, ended by {forced['finish']}")
        check(last == usage, example, "prints", repr(last), "expected", repr(usage))
        check(forced["text"][:20].strip() in done.stdout, example, "does not print", repr(forced["text"][:20]))
    refused = run("./example", "no.gguf", question, expect=2)
    check("invalid: cannot open 'no.gguf'" in refused.stderr, refused.stderr)

    for calls in ("calls_pith", "calls_static"):
        done = run(os.path.join("programs-build", calls), "tiny.gguf", "alora.gguf", "scored.gguf", timeout=600)
        check(done.stderr == "", calls, "wrote to stderr:", done.stderr)
        print(calls + ":", done.stdout.strip())
    shutil.rmtree(folder)


main()
