"""Golden bytes of a TensorBoard event file: tests/golden/train/events.tfevents, from TensorBoard's own protos and checksums.

    pip install tensorboard==2.20.0 && python tests/tools/events_golden.py
"""
import struct
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

# The same numbers as in tests/train/events_test.cc.
START = 1763720000.25
STEPS = [
    (1763720001.5, 1, [("loss", 0.5), ("completions/mean_length", 61.75)]),
    (1763720002.75, 300, [("loss", -1.0 / 3.0), ("learning_rate", 2e-4), ("num_tokens", 123456789.0)]),
    (1763720003.0, 5000000000, [("rewards/budget/mean", 0.0)]),
]


def record(event):
    data = event.SerializeToString()
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))


events = [
    Event(wall_time=START, file_version="brain.Event:2"),
    Event(wall_time=START, session_log=SessionLog(status=SessionLog.START)),
]
for wall_time, step, values in STEPS:
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values])
    events.append(Event(wall_time=wall_time, step=step, summary=summary))
out = Path(__file__).parent.parent / "golden/train/events.tfevents"
out.write_bytes(b"".join(record(e) for e in events))
print(out, out.stat().st_size, "bytes")
