"""Feeds a run's metrics to MLflow:  log: {command: [python3, docs/feeds/mlflow_feed.py, EXPERIMENT]}

Needs the package mlflow or mlflow-skinny; MLFLOW_TRACKING_URI says where to (a server, or sqlite:///mlflow.db). A resumed run goes on
in the newest MLflow run of its name.
"""

import json
import os
import sys
import time

import mlflow
from mlflow.entities import Metric

name = os.environ["PITH_RUN_NAME"]
experiment = mlflow.set_experiment(sys.argv[1] if len(sys.argv) > 1 else "pith")
client = mlflow.MlflowClient()
earlier = None
if os.environ["PITH_RUN_STEP"] != "0":
    found = client.search_runs([experiment.experiment_id], f"tags.mlflow.runName = '{name}'", order_by=["attributes.start_time DESC"], max_results=1)
    earlier = found[0].info.run_id if found else None
with mlflow.start_run(run_id=earlier, run_name=None if earlier else name) as run:
    client.log_text(run.info.run_id, open(os.path.join(os.environ["PITH_RUN_FOLDER"], "config.yaml"), encoding="utf-8").read(), "config.yaml")
    for line in sys.stdin:
        metrics = json.loads(line)
        step = metrics.pop("step")
        if "stopped" in metrics:
            client.set_tag(run.info.run_id, "stopped", metrics.pop("stopped"))
        now = int(1000 * metrics.get("wall_time", time.time()))
        client.log_batch(run.info.run_id, [Metric(key, value, now, step) for key, value in metrics.items() if value is not None])
