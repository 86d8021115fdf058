"""Writes tests/golden/rewards/soft_overlong.txt: max cache length punishment, as TRL computes it. No randomness."""
import pathlib

import trl
from trl.rewards import get_soft_overlong_punishment

rows = [f"# trl {trl.__version__} get_soft_overlong_punishment: max_tokens cache_tokens length_tokens punishment"]
for max_tokens, cache in [(100, 20), (100, 0), (100, 100), (160, 48), (7, 3)]:
    punish = get_soft_overlong_punishment(max_completion_len=max_tokens, soft_punish_cache=cache)
    lengths = list(range(0, max_tokens + 20))
    for length, value in zip(lengths, punish(completion_ids=[[1] * n for n in lengths])):
        rows.append(f"{max_tokens} {cache} {length} {float(value)!r}")
folder = pathlib.Path(__file__).parents[1] / "golden" / "rewards"
folder.mkdir(parents=True, exist_ok=True)
(folder / "soft_overlong.txt").write_text("\n".join(rows) + "\n")
