"""Makes the expected curves that pith-train --expect compares a run with:

    python3 configs/expect.py configs/tiny-sft.yaml configs/tiny-rl.yaml …     (from pith's folder, pith-train built)

Each configuration is run with several seeds, and CONFIG.expect.json gets mean and standard deviation over them, of means over windows of
steps. Every seed is then compared with the others' curve as --expect compares, and what leaves is printed.
"""

import argparse
import json
import math
import os
import platform
import re
import statistics
import subprocess
import tempfile
import time

METRICS = {
    "sft": ["loss", "grad_norm"],
    "distill": ["loss", "grad_norm", "nll"],
    "rl": ["reward", "completions/mean_length", "completions/clipped_ratio", "grad_norm", "kl", "entropy"],
}
APART = {"name", "folder", "seed", "threads"}  # settings that the curve does not hang on, and the sections eval and log
DEVIATIONS = 4                                 # as in train/run/expectation.cc


def settings(config_yaml):
    """{"rl.steps": "24", …} of a run's resolved configuration."""
    found, section = {}, ""
    for line in open(config_yaml, encoding="utf-8"):
        line = line.rstrip("\n")
        if line.startswith("#") or ":" not in line:
            continue
        key, value = line.split(":", 1)
        if not line.startswith("  "):
            section = "" if value else key + "."
            if not value:
                continue
        found[section + key.strip()] = value[1:]
    return {key: value for key, value in found.items() if key not in APART and not key.startswith(("eval.", "log."))}


def run(program, config, seed, folder):
    command = [program, config, "--set", f"seed={seed}", "--set", f"folder={folder}", "--set", "log.save_every=0"]
    began = time.time()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    lines = [json.loads(line) for line in open(os.path.join(folder, "metrics.jsonl"), encoding="utf-8")]
    return lines, settings(os.path.join(folder, "config.yaml")), time.time() - began


def windows(lines, metric, window):
    """{last step of the window: mean}"""
    means = {}
    for begin in range(0, len(lines) - window + 1, window):
        values = [line[metric] for line in lines[begin:begin + window] if metric in line]
        if values:
            means[lines[begin + window - 1]["step"]] = sum(values) / len(values)
    return means


def curve(runs):
    points = []
    for step in sorted(set.intersection(*(set(run) for run in runs))):
        values = [run[step] for run in runs]
        points.append({"step": step, "mean": statistics.mean(values), "deviation": statistics.stdev(values)})
    return points


def left_in(points, run, seeds):
    pooled = math.sqrt(sum(p["deviation"] ** 2 for p in points) / max(1, len(points)))
    for p in points:
        reach = DEVIATIONS * max(p["deviation"], pooled) * math.sqrt(1 + 1 / seeds) + 1e-6 * abs(p["mean"])
        if abs(run[p["step"]] - p["mean"]) > reach:
            yield p["step"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="+")
    parser.add_argument("--program", default="build/pith-train")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--window", type=int, default=4, help="steps that a point is the mean of")
    arguments = parser.parse_args()
    for config in arguments.configs:
        runs, seconds = [], []
        for seed in range(arguments.seeds):
            with tempfile.TemporaryDirectory(prefix="pith-expect-") as scratch:
                lines, resolved, took = run(arguments.program, config, seed, os.path.join(scratch, "run"))
            runs.append(lines)
            seconds.append(took)
        curves = {}
        for metric in METRICS[resolved["stage"]]:
            of_seeds = [windows(lines, metric, arguments.window) for lines in runs]
            if not all(of_seeds):
                continue
            curves[metric] = curve(of_seeds)
            for seed, means in enumerate(of_seeds):
                others = curve(of_seeds[:seed] + of_seeds[seed + 1:])
                for step in left_in(others, means, len(of_seeds) - 1):
                    print(f"{config}: seed {seed} leaves the others' {metric} in step {step}")
        expected = {
            "made_by": f"configs/expect.py --seeds {arguments.seeds} --window {arguments.window}",
            "machine": platform.machine(),
            "seeds": list(range(arguments.seeds)),
            "window": arguments.window,
            "config": resolved,
            "curves": curves,
        }
        path = config.removesuffix(".yaml") + ".expect.json"
        with open(path, "w", encoding="utf-8") as out:
            out.write(shown(expected))
        print(f"{path}: {len(runs)} seeds of {len(runs[0])} steps, {statistics.median(seconds):.1f} s each")


def shown(expected):
    """JSON with a line for each point and each setting."""
    def number(value):
        return float(f"{value:.6g}") if isinstance(value, float) else value
    for points in expected["curves"].values():
        for point in points:
            for key in point:
                point[key] = number(point[key])
    text = json.dumps(expected, indent=1, ensure_ascii=False)
    return "".join(compact(text)) + "\n"


def compact(text):
    """Innermost lists of numbers and points on one line each."""
    text = re.sub(r"\[\s+((?:\d+,\s+)*\d+)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m.group(1)) + "]", text)
    return re.sub(r"\{\s+(\"step\":[^{}]*?)\s+\}", lambda m: "{" + re.sub(r"\s+", " ", m.group(1)) + "}", text)


if __name__ == "__main__":
    main()
