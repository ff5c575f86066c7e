"""Trials of a run as an Optuna study in a file, for optuna-dashboard. Imports no torch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recspace.dsl.diagnostics import SpaceError

from .figures import higher
from .refuse import refusal, words

MANY = 64
"""Elements of a decision above which the study has how many of each option there are, not every element."""
Trial = Mapping[str, Any]


def to_optuna(space: str, trials: Sequence[Trial], path: Path) -> dict[str, int]:
    """Write a study for every sampler of a run; how many trials each has, by name. `trials`: as the journal has them.

    Raises SpaceError (S0457) where there is nothing to write, or something in the way.
    """
    import optuna

    place = words(str(path), "")
    if not trials:
        raise refusal("S0457", "no sampler of this run has judged an architecture", place, help="random, tpe, … do")
    if path.exists():
        raise refusal("S0457", f"{path} is there already", place, help="name another file, or remove it")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        try:
            storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
        except Exception as why:  # whatever SQLAlchemy says of a file that cannot be made
            raise _unwritable(path, why) from why
        for stage in dict.fromkeys(str(t["stage"]) for t in trials):
            own = sorted((t for t in trials if t["stage"] == stage), key=lambda t: int(t["trial"]))
            metrics = objectives(own)
            way = optuna.study.StudyDirection
            directions = [way.MAXIMIZE if higher(name) else way.MINIMIZE for name in metrics]
            study = optuna.create_study(storage=storage, study_name=f"{space} {stage}", directions=directions)
            study.set_metric_names(list(metrics))
            study.add_trials(_frozen(own, metrics))
            found[study.study_name] = len(own)
        storage.remove_session()
    return found


def _unwritable(path: Path, why: Exception) -> SpaceError:
    text = f"{path} cannot be written: {str(why).splitlines()[0]}"
    return refusal("S0457", text, words(str(path), ""), help="name a file in a folder that is there")


def objectives(trials: Sequence[Trial]) -> tuple[str, ...]:
    """The names of what the trials were judged by, the metric first."""
    return (str(trials[0]["metric"]), *trials[0].get("costs", {}))


def _frozen(trials: Sequence[Trial], metrics: Sequence[str]) -> list[Any]:
    from optuna.trial import TrialState, create_trial

    params = [_params(t.get("chosen") or {}) for t in trials]
    kinds = {name: _distribution([p[name] for p in params if name in p]) for p in params for name in p}
    found, before = [], trials[0]["time"]
    for trial, own in zip(trials, params, strict=True):
        values = [trial["score"], *(trial.get("costs", {}).get(name) for name in metrics[1:])]
        good = all(isinstance(v, int | float) for v in values)
        stopped = good and "stopped" in trial and len(values) == 1
        state = TrialState.PRUNED if stopped else TrialState.COMPLETE if good else TrialState.FAIL
        made = create_trial(
            state=state,
            values=values if good else None,
            params=own,
            distributions={name: kinds[name] for name in own},
            user_attrs={k: trial[k] for k in ("fingerprint", "failed", "stopped", "repeats") if trial.get(k)},
            intermediate_values={int(k): v for k, v in trial.get("rungs", {}).items() if v is not None},
        )
        made.datetime_start, made.datetime_complete = _time(before), _time(trial["time"])
        before = trial["time"]
        found.append(made)
    return found


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _params(chosen: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """`keep[user,item]: on`; of a large decision `keep = on: 21`."""
    found: dict[str, Any] = {}
    for name, elements in chosen.items():
        values = [", ".join(map(str, v)) if isinstance(v, list) else v for v in elements.values()]
        if len(values) > MANY:
            found |= {f"{name} = {option}": values.count(option) for option in dict.fromkeys(map(str, values))}
        else:
            found |= dict(zip(elements, values, strict=True))
    return found


def _distribution(values: Sequence[Any]) -> Any:
    """Of all that the trials have: numbers lie between the least and the largest."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        return IntDistribution(min(values), max(values))
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return FloatDistribution(min(values), max(values))
    return CategoricalDistribution(tuple(sorted(set(values), key=str)))
