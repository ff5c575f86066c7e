"""`--log mlflow`: metrics of an MLflow run, in `mlflow.db` in the run's folder, or where MLFLOW_TRACKING_URI says."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

DATABASE, RUN = "mlflow.db", "mlflow-run.txt"
ODD = re.compile(r"[^\w\-. /]", re.ASCII)
"""What MLflow takes in no name of a metric."""


class _Metrics:
    """`again`: of a run that is gone on with. MLflow takes nothing back, so what stands there already is not told twice."""

    def __init__(self, client: Any, run: str, *, again: bool) -> None:
        self._client, self._run, self._again = client, run, again
        self._last: dict[str, int] = {}

    def scalar(self, tag: str, value: float, step: int) -> None:
        name = ODD.sub("_", tag)
        if self._again and name not in self._last:
            there = self._client.get_metric_history(self._run, name)
            self._last[name] = max((metric.step for metric in there), default=-1)
        if step > self._last.get(name, -1):
            self._client.log_metric(self._run, name, value, step=step)

    def close(self) -> None:
        self._client.set_terminated(self._run)


def opened(folder: Path, name: str, step: int) -> _Metrics:
    """A run that is gone on with goes on in its MLflow run, whose id is kept beside it."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(folder / DATABASE).absolute()}")
    kept = folder / RUN
    if step and kept.is_file():
        return _Metrics(client, kept.read_text("utf-8").strip(), again=True)
    known = client.get_experiment_by_name(name)
    experiment = known.experiment_id if known is not None else client.create_experiment(name)
    run = client.create_run(experiment, run_name=folder.name).info.run_id
    kept.write_text(f"{run}\n", "utf-8")
    return _Metrics(client, run, again=False)
