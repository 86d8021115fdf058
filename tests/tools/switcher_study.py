"""Tables of a switcher's run, as Markdown: RUN/switcher_report.json and RUN/completions of `pith-train` with stage: switcher (docs/switcher.md).

    python tests/tools/switcher_study.py runs/switcher

Who answers alone, what the switcher chooses at its price, the sweep of prices beside a lot at equal cost, and each source; of the completions, how often every arm is right by domain
(all problems, those that were fitted on as well). Nothing is computed here but shares of the completions: intervals are the report's.
"""
import glob
import json
import os
import sys
from collections import defaultdict


def percent(share):
    return f"{100 * share:.1f}"


def points(interval):
    return f"{100 * interval[0]:+.1f} to {100 * interval[1]:+.1f}"


def table(header, rows):
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def main():
    run = sys.argv[1]
    report = json.load(open(os.path.join(run, "switcher_report.json"), encoding="utf-8"))
    arms = list(report["arms"])
    print(f"{report['fit/problems']:.0f} problems fitted on, {report['held_out/problems']:.0f} held out; price {report['fit/price']:.3g} for {report['fit/target_tokens']:.1f} tokens.\n")
    rows = [[arm, percent(report["arms"][arm]["accuracy"]), f"{report['arms'][arm]['mean_tokens']:.1f}", percent(report[f"held_out/{arm}/share"]),
             f"{report[f'held_out/{arm}/auc']:.3f}", f"{report[f'held_out/{arm}/calibration_error']:.3f}"] for arm in arms]
    table(["arm, alone on the problems held out", "right %", "tokens", "chosen %", "AUC", "calibration error"], rows)

    def row(point):
        return [f"{point['price']:.3g}", f"{point['mean_tokens']:.1f}", percent(point["accuracy"]), percent(point["random_accuracy"]), f"{100 * point['difference']:+.1f}",
                points(point["difference_ci"])]

    header = ["price", "tokens", "right %", "by lot at that cost %", "difference, points", "95 %"]
    table(header, [row(report["choice"])])
    table(header, [row(point) for point in report["curve"]])
    print(f"Who always knew an arm that is right: {percent(report['held_out/oracle_accuracy'])} %.\n")
    for source, of in report["sources"].items():
        print(f"{source}: {of['problems']} problems, chosen for {percent(of['accuracy'])} % right at {of['mean_tokens']:.1f} tokens")
        table(["arm", "right %", "tokens", "chosen %"], [[arm, percent(x["accuracy"]), f"{x['mean_tokens']:.1f}", percent(x["share"])] for arm, x in of["arms"].items()])

    counts = defaultdict(lambda: [0, 0, 0])
    for path in glob.glob(os.path.join(run, "completions", "*.jsonl")):
        for text in open(path, encoding="utf-8"):
            line = json.loads(text)
            count = counts[line["domain"] or "word problem", line["arm"]]
            count[0] += 1
            count[1] += line["verdict"] == "correct"
            count[2] += line["tokens"]
    families = sorted({name for name, _ in counts})
    table(["all problems", "number"] + [f"{arm}: right %, tokens" for arm in arms],
          [[name, counts[name, arms[0]][0]] + [f"{percent(counts[name, arm][1] / counts[name, arm][0])}, {counts[name, arm][2] / counts[name, arm][0]:.1f}" for arm in arms] for name in families])


main()
