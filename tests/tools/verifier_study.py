"""What a verifier's scores are worth at the same number of tokens: from one evaluation with chains and scores to a table.

    python tests/tools/verifier_study.py eval/answers.jsonl [--mode NAME] [--json out.json]

Reads answers.jsonl of `pith-run eval --chains K --score`: of every problem K chains with their answers, verdicts, tokens and scores. From the same chains it
counts, problem by problem,

- one chain: the mean over all K;
- votes of 2, 4, … K chains: majority, and weighted by scores, over consecutive groups of the K chains;
- early stop: chains one after another, until the rest cannot change the vote; and, weighted, until the leading answer has a chance of at least a threshold.

A chance of the leading answer: 1 − Π (1 − score) over its chains, against the same of the others (normalised). Intervals: Wilson's at 95 % over problems for single votes of
all chains; for means over groups, normal over the problems' means."""
import argparse
import collections
import json
import math


def wilson(share, n, z=1.959963984540054):
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def over_problems(values):
    """Mean of one value per problem with its 95 % interval (normal)."""
    n = len(values)
    mean = sum(values) / n
    variance = sum((v - mean) ** 2 for v in values) / max(1, n - 1)
    half = 1.959963984540054 * math.sqrt(variance / n)
    return mean, mean - half, mean + half


def same(a, b):
    if a == b:
        return True
    try:
        return float(a.replace(",", "")) == float(b.replace(",", ""))
    except ValueError:
        return False


def tally(chains, weighted):
    """[answer, weight, right, chance that none of its chains is right], by first chain."""
    tallies = []
    for c in chains:
        if not c["extracted"]:
            continue
        for t in tallies:
            if same(t[0], c["extracted"]):
                break
        else:
            t = [c["extracted"], 0.0, c["correct_lenient"], 1.0]
            tallies.append(t)
        t[1] += c["score"] if weighted else 1
        t[3] *= 1 - c["score"]
    return tallies


def winner(chains, weighted):
    best = None
    for t in tally(chains, weighted):
        if best is None or t[1] > best[1]:
            best = t
    return best


def decided(chains, left, weighted):
    weights = sorted((t[1] for t in tally(chains, weighted)), reverse=True) + [0, 0]
    return left == 0 or weights[0] > weights[1] + left + 1e-9


def confident(chains, threshold):
    chances = sorted((1 - t[3] for t in tally(chains, True)), reverse=True)
    return bool(chances) and chances[0] >= threshold


def row(name, rights, tokens, chains):
    mean, low, high = over_problems(rights)
    if all(r in (0, 1) for r in rights):
        low, high = wilson(mean, len(rights))
    return {"policy": name, "accuracy": mean, "low": low, "high": high, "tokens": sum(tokens) / len(tokens), "chains": sum(chains) / len(chains)}


def study(problems):
    k = len(problems[0])
    rows = [row("one chain", [sum(c["correct_lenient"] for c in p) / k for p in problems], [sum(c["tokens"] for c in p) / k for p in problems], [1])]
    size = 2
    while size <= k:
        for weighted in (False, True):
            rights, tokens = [], []
            for p in problems:
                groups = [p[i:i + size] for i in range(0, k - size + 1, size)]
                won = [winner(g, weighted) for g in groups]
                rights.append(sum(bool(w and w[2]) for w in won) / len(groups))
                tokens.append(sum(c["tokens"] for c in p) / k * size)
            rows.append(row(f"{'weighted' if weighted else 'majority'} of {size}", rights, tokens, [size]))
        size *= 2
    best = [max(p, key=lambda c: c["score"]) for p in problems]
    rows.append(row(f"the chain of the highest score of {k}", [int(b["correct_lenient"]) for b in best], [sum(c["tokens"] for c in p) for p in problems], [k]))
    stops = [(f"{'weighted' if w else 'majority'} of {k}, stopped when decided", lambda c, left, w=w: decided(c, left, w), w) for w in (False, True)]
    stops += [(f"weighted of {k}, stopped at a chance of {t}", lambda c, left, t=t: decided(c, left, True) or confident(c, t), True) for t in (0.5, 0.7, 0.8, 0.9, 0.95)]
    for name, stop, weighted in stops:
        rights, tokens, used = [], [], []
        for p in problems:
            taken = []
            for i, c in enumerate(p):
                taken.append(c)
                if stop(taken, k - i - 1):
                    break
            w = winner(taken, weighted)
            rights.append(int(bool(w and w[2])))
            tokens.append(sum(c["tokens"] for c in taken))
            used.append(len(taken))
        rows.append(row(name, rights, tokens, used))
    rows.append(row(f"any of {k} right", [int(any(c["correct_lenient"] for c in p)) for p in problems], [sum(c["tokens"] for c in p) for p in problems], [k]))
    return rows


def paired(problems, size):
    """Weighted against majority of the first `size` chains: both right, only one, neither."""
    only_majority = only_weighted = 0
    for p in problems:
        m, w = winner(p[:size], False), winner(p[:size], True)
        m, w = bool(m and m[2]), bool(w and w[2])
        only_majority += m and not w
        only_weighted += w and not m
    n = only_majority + only_weighted
    tail = sum(math.comb(n, i) for i in range(min(only_majority, only_weighted) + 1)) / 2**n if n else 1
    return only_majority, only_weighted, min(1.0, 2 * tail)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("answers")
    parser.add_argument("--mode")
    parser.add_argument("--json")
    args = parser.parse_args()
    problems = collections.defaultdict(list)
    with open(args.answers, encoding="utf-8") as file:
        for line in file:
            a = json.loads(line)
            if "score" in a and (args.mode is None or a["mode"] == args.mode):
                problems[(a["mode"], a["dataset"], a["budget"], a["problem"])].append(a)
    problems = [sorted(chains, key=lambda c: c["chain"]) for chains in problems.values()]
    if not problems:
        raise SystemExit(f"{args.answers} holds no answer with a score; evaluate with --score and --chains")
    rows = study(problems)
    scored = [(c["score"], bool(c["correct_lenient"])) for p in problems for c in p]
    right, wrong = sorted(s for s, r in scored if r), sorted(s for s, r in scored if not r)
    wins = sum((sum(w < s for w in wrong) + 0.5 * sum(w == s for w in wrong)) for s in right)
    print(f"{len(problems)} problems, {len(problems[0])} chains each; {len(right) / len(scored):.3f} of the chains right; AUC {wins / max(1, len(right) * len(wrong)):.3f}\n")
    print("| policy | right | 95 % interval | tokens per problem | chains |\n|---|---|---|---|---|")
    for r in rows:
        print(f"| {r['policy']} | {100 * r['accuracy']:.1f} % | {100 * r['low']:.1f} – {100 * r['high']:.1f} | {r['tokens']:.0f} | {r['chains']:.2f} |")
    print()
    size = 2
    while size <= len(problems[0]):
        m, w, p = paired(problems, size)
        print(f"of {size}: {m} problems only by majority, {w} only weighted, McNemar p = {p:.3f}")
        size *= 2
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
