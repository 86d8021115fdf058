"""Feeds a run's metrics to Weights & Biases:  log: {command: [python3, docs/feeds/wandb_feed.py, PROJECT]}

Needs the package wandb, and a key (wandb login) or WANDB_MODE=offline. A resumed run goes on in the same W&B run.
"""

import json
import os
import sys

import wandb

folder = os.environ["PITH_RUN_FOLDER"]
run = wandb.init(project=sys.argv[1] if len(sys.argv) > 1 else "pith", name=os.environ["PITH_RUN_NAME"],
                 id=os.environ["PITH_RUN_NAME"].replace("/", "-"), resume="allow", dir=folder,
                 config={"config.yaml": open(os.path.join(folder, "config.yaml"), encoding="utf-8").read()})
for line in sys.stdin:
    metrics = json.loads(line)
    step = metrics.pop("step")
    if "stopped" in metrics:
        run.summary["stopped"] = metrics.pop("stopped")
    run.log(metrics, step=step)
run.finish()
