"""The hand-made model against the searched one: the rows of a table, and what is to be known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recspace.runtime.figures import higher

NAMES = {"auc": "AUC", "gauc": "AUC within users", "logloss": "logloss", "rmse": "RMSE", "accuracy": "accuracy"}
SIZES = {"parameters": "parameters", "embedding_bytes": "embedding bytes", "file_bytes": "bytes of the model"}
COSTS = {**SIZES, "latency_ms": "ms a batch", "seconds": "seconds"}
"""What is told of every run beside its figures."""
CLEAR = 2.0
"""Standard errors beyond which a difference is called one."""

Row = tuple[str, str, str, str, str]


def rows(report: Mapping[str, Any]) -> list[Row]:
    """Name, hand-made, searched, difference, and what to think of it; the second is "" where nothing was chosen."""
    before, after = report.get("hand_made") or {}, report["searched"]
    there = {*before.get("test", {}), *after.get("test", {})}
    figures = [name for name in NAMES if name in there] + sorted(there - NAMES.keys())
    errors = report.get("errors", {})
    found = [_figure(f, before.get("test", {}).get(f), after.get("test", {}).get(f), errors.get(f)) for f in figures]
    sizes = [_size(name, before.get(name), after.get(name)) for name in SIZES if name in after]
    return [*found, *sizes, *_latency(before.get("latency"), after.get("latency")), _seconds(before, after)]


def _figure(name: str, before: Any, after: Any, error: Any) -> Row:
    """`AUC ↑`: more is better."""
    title = f"{NAMES.get(name, name)} {'↑' if higher(name) else '↓'}"
    known = isinstance(error, int | float)
    if not (_number(before) and _number(after)):
        alone = f"{_value(after)} ± {error:.4f}" if known and _number(after) else _value(after)
        return title, _value(before) if before is not None else "", alone, "", ""
    change = after - before
    if not known:
        return title, _value(before), _value(after), f"{change:+.4f}", ""
    verdict = "may be chance" if abs(change) <= CLEAR * error else "better" if (change > 0) == higher(name) else "worse"
    return title, _value(before), _value(after), f"{change:+.4f} ± {error:.4f}", verdict


def _number(value: Any) -> bool:
    return isinstance(value, int | float)


def _value(value: Any) -> str:
    return f"{value:.4f}" if _number(value) else "undefined"


def _size(name: str, before: Any, after: Any) -> Row:
    change = ""
    if _number(before) and _number(after):
        change = f"{after - before:+,}" + (f" ({(after - before) / before:+.1%})" if before else "")
    return (
        f"{SIZES[name]} ↓",
        f"{before:,}" if _number(before) else "",
        f"{after:,}" if _number(after) else "",
        change,
        "",
    )


def _latency(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[Row]:
    """Medians; of two models that were timed in turns the ratio, which may be chance where the middle half of its values holds 1.
    Nothing is said of models with the same text, and of times that were not taken together."""
    if not after:
        return
    title = f"ms for {after['rows']:,} rows ↓"
    against = after.get("against")
    if not before or against is None:
        yield title, f"{before['median']:.3g}" if before else "", f"{after['median']:.3g}", "", ""
        return
    low, high = against["ratio_quartiles"]
    verdict = "better" if high < 1 else "worse" if low > 1 else "may be chance"
    if against["same_text"]:
        verdict = ""
    yield title, f"{against['median']:.3g}", f"{after['median']:.3g}", f"{against['ratio'] - 1:+.1%}", verdict


def _seconds(before: Mapping[str, Any], after: Mapping[str, Any]) -> Row:
    """As many digits as mean something."""

    def said(seconds: Any) -> str:
        return "" if not _number(seconds) else f"{seconds:.1f}" if seconds < 10 else f"{seconds:,.0f}"

    return "seconds of training ↓", said(before.get("seconds")), said(after.get("seconds")), "", ""


def remarks(report: Mapping[str, Any]) -> Iterator[str]:
    """What rows were judged, what a figure does not say, and how stages ended."""
    judged, compared = report["judged_on"], report.get("hand_made") is not None
    part = f"{report['rows'].get(judged, 0):,} {'test' if judged == 'test' else 'validation'} rows"
    what = "the difference" if compared else "a figure"
    error = (
        f"; ± is one standard error of {what} by the choice of rows, other seeds come on top"
        if report.get("errors")
        else ""
    )
    ranked = report.get("ranked")
    if ranked:
        some = "" if ranked["asked"] == ranked["of"] else f" of {ranked['of']:,}, drawn by the seed"
        part += (
            f": {ranked['asked']:,} users and contexts{some}, over {ranked['items']:,} items less those that they had"
        )
    yield f"judged on {part}{error}"
    yield from _timed(report)
    yield from _budgets(report)
    if any(value is None for value in report["searched"].get("test", {}).values()):
        yield f"undefined: the {part} do not have both labels"
    if report.get("same_architecture") and compared:
        yield "the searched architecture is the hand-made one: what differs is how the two were trained"
    yield from filter(None, map(_ending, report["stages"]))
    yield from _gap(report)
    if not report["searched"].get("trained", True):
        yield "the searched model has the supernet's weights: nothing in the recipe retrained it"


def _timed(report: Mapping[str, Any]) -> Iterator[str]:
    found = report["searched"].get("latency")
    if found:
        threads = f"{found['threads']} thread{'' if found['threads'] == 1 else 's'}"
        where = f"on the CPU, {threads}" if found["device"] == "cpu" else f"on {found['device']}"
        spent = ", of processor time" if found["clock"] == "thread_time" else ""
        turns = ", the two models in turns" if found.get("against") else ""
        yield f"ms: medians of {found['passes']} passes over one batch that lies ready{turns}, {where}{spent}"


def _budgets(report: Mapping[str, Any]) -> Iterator[str]:
    """The model of every budget, where a run has several."""
    metric = report["metric"]["name"]
    for row in report.get("budgets", ()):
        costs = ", ".join(f"{c['require']}: {c['cost']:,} of {c['allowed']:,}" for c in row["costs"])
        figure = f"{NAMES.get(metric, metric)} {_value(row.get('test', {}).get(metric))}"
        yield f"budget {row['budget']}: {figure}, {row['embedding_bytes']:,} embedding bytes, {costs}; in {row['folder']}"


def _ending(row: Mapping[str, Any]) -> str:
    """Why a stage did less than it might have; what a sampler or a screening did."""
    if "trials" in row:
        failed = f", {row['failed']:,} of them in vain" if row["failed"] else ""
        late = row.get("ended_by") == "hours"
        count = f"{row['trials']:,} of {row['of_trials']:,}" if late else f"{row['trials']:,}"
        until = ", until the time was up (--hours)" if late else ""
        told = f"{row['stage']} judged {count} architectures{failed}{until}: recspace trials RUN lists them"
        return told + _early(row) + _again(row) + _front(row) + _trust(row)
    if "gates_left" in row:
        left = ", ".join(f"{count:,} of {name}" for name, count in row["gates_left"].items())
        late = f" of {row['of_sets']:,}, until the time was up (--hours)," if row["judged"] < row["of_sets"] else ""
        return f"{row['stage']} judged {row['judged']:,}{late} sets of fields; gates left open: {left}"
    match row.get("ended_by"):
        case "patience":
            waited = f"no better score for {row['patience']} epochs (patience)"
            return f"{row['stage']} ended after {row['epochs']} of {row['of_epochs']} epochs: {waited}, weights of epoch {row['best_epoch']}"
        case "hours":
            return f"{row['stage']} ended in epoch {row['epochs']} of {row['of_epochs']}: the time was up (--hours)"
        case _:
            return ""


def _early(row: Mapping[str, Any]) -> str:
    """What stopping trials early has saved."""
    if "stopped" not in row:
        return ""
    return f"\n{row['stopped']:,} of them were stopped early, which saved {row['steps_saved']:,} steps of training"


def _front(row: Mapping[str, Any]) -> str:
    """The front of several objectives, and which of it came out."""
    front = row.get("front")
    if not front:
        return ""
    names = [row["metric"], *front[0]["costs"]]
    text = f"\n{len(front):,} of them are the front of {' and '.join(names)}, in front.json"
    knee = next((t for t in front if t["number"] == row.get("knee")), None)
    if knee is None:
        return text
    figures = [f"{row['metric']} {knee['score']:.4f}", *(f"{n} {v:,.10g}" for n, v in knee["costs"].items())]
    return f"{text}; its knee is taken, trial {knee['number'] + 1}: {', '.join(figures)}"


def _again(row: Mapping[str, Any]) -> str:
    again = row.get("repeated", 0)
    return f"\n{again:,} of them had been judged before: nothing else came up" if again else ""


def _trust(row: Mapping[str, Any]) -> str:
    """Whether shared weights rank architectures as they rank when each is trained by itself."""
    ranking = row.get("ranking")
    if ranking is None:
        return ""
    tau, of = ranking["kendall"], len(ranking["scores"])
    if tau is None:
        return f"\nshared weights were to rank {of} retrained architectures, and those do not differ: their ranking is not to be trusted"
    verdict = "" if ranking["trusted"] else f", below {ranking['least']}: their ranking is not to be trusted"
    return f"\nshared weights rank {of} retrained architectures with Kendall's τ {tau:.2f}{verdict}"


def _gap(report: Mapping[str, Any]) -> Iterator[str]:
    """Not the verdict: how much the supernet's own figure said of the model that came out of it."""
    gap, metric = report.get("gap"), report["metric"]["name"]
    if gap is not None:
        own = report["searched"]["test"][metric]
        name = NAMES.get(metric, metric)
        how = "trained anew" if report["searched"].get("trained", True) else "with the supernet's weights"
        yield f"the supernet had {name} {own - gap:.4f} when it was searched; the derived model, {how}, has {own:.4f}"
