"""Fits the encoder of each field on the training rows alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recspace.compiler.schema import Field

from . import cells, spec
from .cells import Floats
from .encoding import Encoder, Lists, Vectors, column_of, listed
from .faults import fault, meant
from .numbers import Buckets, Scale, find_edges, fit_buckets, fit_scale
from .spec import Feature
from .vocabulary import Vocabulary, fit_vocabulary


@dataclass(frozen=True, slots=True)
class Training:
    """What encoders are fitted on: the table, which of its rows train, and their labels (None: no label)."""

    table: pl.DataFrame
    rows: NDArray[np.int64]
    target: Floats | None


def fit_encoders(features: tuple[Feature, ...], training: Training) -> dict[str, Encoder]:
    """An encoder for each field; sequences come after the fields whose vocabulary they use."""
    shares = [f for f in features if isinstance(f.meaning, spec.Sequence) and f.meaning.of]
    encoders: dict[str, Encoder] = {}
    for feature in [*(f for f in features if f not in shares), *shares]:
        encoders[feature.name] = _fit(feature, training, encoders)
    return {f.name: encoders[f.name] for f in features}


def _fit(feature: Feature, training: Training, encoders: Mapping[str, Encoder]) -> Encoder:
    column = column_of(training.table, feature)
    match feature.meaning:
        case spec.Category(min_count=min_count):
            return fit_vocabulary(cells.values(column, feature.span)[training.rows], min_count)
        case spec.Number() as number:
            return _fit_number(feature, number, column, training)
        case spec.Many(min_count=min_count, longest=longest):
            cut = listed(feature, column)
            flat = cells.flatten(cut[training.rows])[0]
            vocabulary = fit_vocabulary(cells.values(flat, feature.span), min_count)
            return Lists(vocabulary, longest or max(1, int(cut.list.len().fill_null(0).to_numpy().max())))
        case spec.Sequence() as sequence:
            return Lists(_sequence_vocabulary(feature, sequence, column, training, encoders), sequence.longest, True)
        case spec.Vector(width=width):
            return Vectors(width)
        case _:
            assert_never(feature.meaning)


def _fit_number(feature: Feature, number: spec.Number, column: pl.Series, training: Training) -> Encoder:
    x_N = cells.numbers(column, feature.span)[training.rows]
    if number.edges:
        return fit_buckets(x_N, np.asarray(number.edges, np.float64))
    if not number.bins:
        return fit_scale(x_N)
    if number.by == "tree" and training.target is None:
        raise fault(
            "S0529", f"`{feature.name}` is cut by trees, which need a label", feature.span, help="cut it by = quantile"
        )
    return fit_buckets(x_N, find_edges(x_N, number.bins, number.by, training.target))


def _sequence_vocabulary(
    feature: Feature,
    sequence: spec.Sequence,
    column: pl.Series,
    training: Training,
    encoders: Mapping[str, Encoder],
) -> Vocabulary:
    if not sequence.of:
        flat = cells.flatten(listed(feature, column)[training.rows])[0]
        return fit_vocabulary(cells.values(flat, feature.span), sequence.min_count)
    shared = encoders.get(sequence.of)
    if isinstance(shared, Vocabulary):
        return shared
    if shared is None:
        message = f"`{feature.name}` is a sequence of `{sequence.of}`, which is no field"
        raise fault("S0516", message, feature.span, help=meant(sequence.of, encoders))
    raise fault("S0516", f"`{sequence.of}` is no category, so `{feature.name}` cannot share its values", feature.span)


def field_of(feature: Feature, encoder: Encoder) -> Field:
    """What the compiler is told of a field."""
    meaning = feature.meaning
    role = meaning.role
    match encoder:
        case Vocabulary():
            return Field(feature.name, "category", len(encoder), role)
        case Buckets():
            return Field(feature.name, "number", len(encoder), role, bins=len(encoder))
        case Scale():
            return Field(feature.name, "number", 1, role)
        case Vectors(width=width):
            return Field(feature.name, "vector", 1, role, width=width)
        case Lists(vocabulary=vocabulary, longest=longest):
            several = Field(feature.name, "many", len(vocabulary), role, longest=longest)
            if isinstance(meaning, spec.Many):
                return replace(several, pool=meaning.pool)
            if isinstance(meaning, spec.Sequence):
                shared = meaning.sharing == "table"
                return replace(several, kind="sequence", of=meaning.of, shared_table=shared)
            return several
        case _:
            assert_never(encoder)
