"""A fitted encoding on disk: `encoding.json` and one Parquet file for each vocabulary. No pickle."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from recspace.compiler.schema import Field

from . import spec as s
from .encoding import Encoder, Encoding, Lists, Vectors
from .faults import fault, file_span
from .numbers import Buckets, Scale
from .spec import DataSpec
from .target import Labelling
from .vocabulary import Cross, Vocabulary

VERSION = 1
KINDS: dict[str, type] = {
    t.__name__: t
    for t in (
        s.Category, s.Number, s.Many, s.Sequence, s.Vector, s.RandomSplit, s.ColumnSplit, s.TimeSplit, s.GroupSplit, s.LeaveOneOut,
    )
}  # fmt: skip


def save(encoding: Encoding, folder: Path) -> None:
    """Writes the encoding into a folder, which is made; an encoding that is there already is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    tables: list[pl.DataFrame] = []

    def table(frame: pl.DataFrame) -> int:
        tables.append(frame)
        return len(tables) - 1

    def values(vocabulary: Vocabulary) -> int:
        return table(pl.DataFrame({"value": vocabulary.values, "count": vocabulary.counts}))

    crosses = []
    for (fields, bins), cross in encoding.crosses.items():
        parts = pl.DataFrame({f"c{k}": cross.parts[:, k] for k in range(len(fields))} | {"count": cross.counts})
        crosses.append({"fields": fields, "bins": bins, "min_count": cross.min_count, "table": table(parts)})
    labelling = encoding.labelling
    document = {
        "version": VERSION,
        "spec": _spec_out(encoding.spec),
        "fields": [asdict(f) for f in encoding.fields],
        "encoders": {name: _encoder_out(e, values) for name, e in encoding.encoders.items()},
        "label": None
        if labelling is None
        else {
            "kind": labelling.kind,
            "values": None if labelling.values is None else table(pl.DataFrame({"value": labelling.values})),
        },
        "scales": {name: asdict(scale) for name, scale in encoding.scales.items()},
        "buckets": [{"field": f, "bins": b} | _buckets_out(x) for (f, b), x in encoding.buckets.items()],
        "crosses": crosses,
        "tables": len(tables),
    }
    for number, frame in enumerate(tables):
        frame.write_parquet(folder / _table_name(number), compression="zstd")
    (folder / "encoding.json").write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def load(folder: Path) -> Encoding:
    """The encoding that `save` wrote. Raises SpaceError S0570 where it is missing or damaged."""
    try:
        document = json.loads((folder / "encoding.json").read_text(encoding="utf-8"))
        if document["version"] != VERSION:
            raise fault(
                "S0570", f"the encoding has version {document['version']}, not {VERSION}", file_span(str(folder))
            )
        tables = [pl.read_parquet(folder / _table_name(k)) for k in range(document["tables"])]
        return _load(document, tables)
    except (OSError, ValueError, KeyError, TypeError, IndexError, pl.exceptions.PolarsError) as error:
        message = f"the encoding is missing or damaged: {type(error).__name__}: {str(error).splitlines()[:1]}"
        raise fault("S0570", message, file_span(str(folder))) from error


def _load(document: dict[str, Any], tables: list[pl.DataFrame]) -> Encoding:
    spec = _spec_in(document["spec"])
    label = document["label"]
    labelling = None
    if label is not None and spec.target is not None:
        labelling = Labelling(
            spec.target, label["kind"], None if label["values"] is None else tables[label["values"]]["value"]
        )
    buckets = {(b["field"], b["bins"]): _buckets_in(b) for b in document["buckets"]}
    crosses = {}
    for c in document["crosses"]:
        frame = tables[c["table"]]
        parts = frame.drop("count").to_numpy().astype(np.int32).reshape(-1, len(c["fields"]))
        crosses[tuple(c["fields"]), tuple(c["bins"])] = Cross(parts, _counts(frame), c["min_count"])
    return Encoding(
        spec,
        tuple(Field(**f) for f in document["fields"]),
        {name: _encoder_in(e, tables) for name, e in document["encoders"].items()},
        labelling,
        {name: Scale(**scale) for name, scale in document["scales"].items()},
        buckets,
        crosses,
    )


def _table_name(number: int) -> str:
    return f"vocabulary-{number:03d}.parquet"


def _counts(frame: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
    return frame["count"].to_numpy().astype(np.int64)


def _encoder_out(encoder: Encoder, values: Any) -> dict[str, Any]:
    match encoder:
        case Vocabulary():
            return {"kind": "vocabulary", "table": values(encoder)}
        case Buckets():
            return {"kind": "buckets"} | _buckets_out(encoder)
        case Scale():
            return {"kind": "scale"} | asdict(encoder)
        case Lists(vocabulary, longest, latest):
            return {"kind": "lists", "table": values(vocabulary), "longest": longest, "latest": latest}
        case Vectors(width):
            return {"kind": "vectors", "width": width}


def _encoder_in(data: dict[str, Any], tables: list[pl.DataFrame]) -> Encoder:
    match data["kind"]:
        case "vocabulary":
            return _vocabulary(tables[data["table"]])
        case "buckets":
            return _buckets_in(data)
        case "scale":
            return Scale(data["mean"], data["deviation"])
        case "lists":
            return Lists(_vocabulary(tables[data["table"]]), data["longest"], data["latest"])
        case "vectors":
            return Vectors(data["width"])
        case other:
            raise ValueError(f"no encoder is called {other}")


def _vocabulary(frame: pl.DataFrame) -> Vocabulary:
    return Vocabulary(frame["value"], _counts(frame))


def _buckets_out(buckets: Buckets) -> dict[str, Any]:
    return {"edges": buckets.edges.tolist(), "id_of": buckets.id_of.tolist(), "counts": buckets.counts.tolist()}


def _buckets_in(data: dict[str, Any]) -> Buckets:
    return Buckets(
        np.asarray(data["edges"], np.float64), np.asarray(data["id_of"], np.int32), np.asarray(data["counts"], np.int64)
    )


def _plain(value: Any) -> dict[str, Any]:
    """The fields of a part of a spec, without the place it was read from."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__ if name != "span"}


def _tagged(value: Any) -> dict[str, Any]:
    return {"kind": type(value).__name__} | _plain(value)


def _spec_out(spec: DataSpec) -> dict[str, Any]:
    target = None if spec.target is None else _plain(spec.target)
    return {
        "name": spec.name,
        "source": spec.source,
        "features": [{"name": f.name, "column": f.column, "meaning": _tagged(f.meaning)} for f in spec.features],
        "target": target,
        "split": _tagged(spec.split),
        "weight": spec.weight,
        "doc": spec.doc,
        "time": spec.time,
    }


def _typed(data: dict[str, Any]) -> Any:
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "kind"}
    return KINDS[data["kind"]](**values)


def _spec_in(data: dict[str, Any]) -> DataSpec:
    return DataSpec(
        data["name"],
        data["source"],
        tuple(s.Feature(f["name"], f["column"], _typed(f["meaning"])) for f in data["features"]),
        None if data["target"] is None else s.Target(**data["target"]),
        _typed(data["split"]),
        data["weight"],
        data["doc"],
        data.get("time", ""),
    )
