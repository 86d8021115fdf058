"""Reads a run's event file with TensorBoard and compares every scalar with metrics.jsonl. By hand:

    pip install tensorboard==2.20.0 && python tests/tools/tensorboard_check.py runs/tiny/rl
"""
import json
import math
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = Path(sys.argv[1])
files = list(run.glob("events.out.tfevents.*"))
assert len(files) == 1, f"expected one event file in {run}, got {files}"
accumulator = EventAccumulator(str(run), size_guidance={"scalars": 0})
accumulator.Reload()
expected = {}
for line in (run / "metrics.jsonl").read_text().splitlines():
    metrics = json.loads(line)
    step, wall_time = metrics.pop("step"), metrics.pop("wall_time")
    for tag, value in metrics.items():
        single = None if value is None else struct.unpack("<f", struct.pack("<f", value))[0]
        if single is not None and math.isfinite(single):
            expected.setdefault(tag, []).append((wall_time, step, single))
tags = accumulator.Tags()["scalars"]
assert sorted(tags) == sorted(expected), set(tags) ^ set(expected)
for tag in tags:
    got = [(e.wall_time, e.step, e.value) for e in accumulator.Scalars(tag)]
    assert got == expected[tag], (tag, got[:3], expected[tag][:3])
steps = {step for rows in expected.values() for _, step, _ in rows}
print(f"{run}: TensorBoard reads {len(tags)} scalars of {len(steps)} steps, each equal to metrics.jsonl")
