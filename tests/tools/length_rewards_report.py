"""The comparison of length rewards as a table and a picture, from what configs/length-rewards/compare.sh left.

    python tests/tools/length_rewards_report.py runs/length-rewards docs/results/length-rewards.svg

Prints Markdown. The interval of a mean over seeds is its least and its greatest seed.
"""

import collections
import json
import os
import statistics
import sys

COLOURS = ["#1b6ca8", "#c8553d", "#3a7d44", "#8e5ea2", "#c58b00", "#5c6878", "#0f8b8d", "#a23b72", "#444444"]
ORDER = ["sft", "correct", "budget", "l1_max", "kimi_k15", "sigmoid", "shorter_better", "truncation", "alp", "laser_d"]


def name_and_seed(mode):
    name, _, seed = mode.rpartition("-")
    return (name, seed) if seed.isdigit() and name else (mode, "")


def steps_of(folder):
    """The last line of each step; a resumed run has no duplicates."""
    return [json.loads(line) for line in open(folder + "/metrics.jsonl")]


def chart(points, path):
    width, height, left, right, top, bottom = 760, 420, 56, 170, 16, 44
    xs = [p[1] for ps in points.values() for p in ps]
    ys = [p[2] for ps in points.values() for p in ps]
    x_high = 10 * (int(max(xs) / 10) + 1)
    y_low, y_high = 10 * int(100 * min(ys) / 10), min(100, 10 * (int(100 * max(ys) / 10) + 1))
    x = lambda tokens: left + (width - left - right) * tokens / x_high
    y = lambda share: top + (height - top - bottom) * (y_high - 100 * share) / (y_high - y_low)
    out = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="accuracy against mean tokens, per reward and seed" '
           'xmlns="http://www.w3.org/2000/svg"><style>text { font: 12px system-ui, sans-serif; fill: #1c2430; } .soft { fill: #5c6878; } '
           '.grid { stroke: #d8dee6; }</style><rect width="100%" height="100%" fill="#fff"/>']
    for share in range(y_low, y_high + 1, 5):
        out.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y(share / 100):.1f}" y2="{y(share / 100):.1f}"/>'
                   f'<text class="soft" text-anchor="end" x="{left - 8}" y="{y(share / 100) + 4:.1f}">{share} %</text>')
    for tokens in range(0, x_high + 1, 10):
        out.append(f'<text class="soft" text-anchor="middle" x="{x(tokens):.1f}" y="{height - bottom + 18}">{tokens}</text>')
    out.append(f'<text class="soft" text-anchor="middle" x="{(left + width - right) / 2}" y="{height - 8}">mean tokens of an answer</text>')
    for i, (name, ps) in enumerate(points.items()):
        colour = COLOURS[i % len(COLOURS)]
        mx, my = statistics.mean(p[1] for p in ps), statistics.mean(p[2] for p in ps)
        for _, px, py in ps:
            out.append(f'<line stroke="{colour}" stroke-opacity="0.45" x1="{x(mx):.1f}" y1="{y(my):.1f}" x2="{x(px):.1f}" y2="{y(py):.1f}"/>'
                       f'<circle cx="{x(px):.1f}" cy="{y(py):.1f}" r="3" fill="{colour}" fill-opacity="0.6"/>')
        out.append(f'<circle cx="{x(mx):.1f}" cy="{y(my):.1f}" r="6" fill="{colour}"/>')
        row = top + 14 + 20 * i
        out.append(f'<circle cx="{width - right + 18}" cy="{row - 4}" r="6" fill="{colour}"/><text x="{width - right + 30}" y="{row}">{name}</text>')
    out.append("</svg>")
    open(path, "w").write("\n".join(out) + "\n")


def main(folder, svg):
    rows = json.load(open(folder + "/evaluation/results.json"))
    points = collections.defaultdict(list)
    extra = {}
    for row in rows:
        name, seed = name_and_seed(row["mode"])
        points[name].append((seed, row["mean_tokens"], row["accuracy"]))
        extra[row["mode"]] = row
    points = {name: sorted(points[name]) for name in sorted(points, key=ORDER.index)}
    print("| reward | seeds | accuracy | least – greatest | mean tokens | least – greatest | p95 | cut off | tokens trained on |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, ps in points.items():
        accuracy, tokens = [p[2] for p in ps], [p[1] for p in ps]
        mean_of = lambda key: statistics.mean(extra[f"{name}-{p[0]}" if p[0] else name][key] for p in ps)
        runs = [f"{folder}/{name}-{p[0]}" for p in ps if os.path.exists(f"{folder}/{name}-{p[0]}/metrics.jsonl")]
        trained = f"{statistics.mean(sum(s['completion_tokens'] for s in steps_of(r)) for r in runs) / 1000:.0f} k" if runs else ""
        print(f"| {name} | {len(ps)} | {100 * statistics.mean(accuracy):.1f} % | {100 * min(accuracy):.1f} – {100 * max(accuracy):.1f} "
              f"| {statistics.mean(tokens):.1f} | {min(tokens):.1f} – {max(tokens):.1f} | {mean_of('p95_tokens'):.0f} | {100 * mean_of('truncated_rate'):.1f} % | {trained} |")
    chart(points, svg)


if __name__ == "__main__":
    main(*sys.argv[1:])
