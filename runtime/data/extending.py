"""An encoding taken over by another table: what it knows stays as it is, and values that are new to it join at the end.

Ids of a finished model mean the same afterwards. Bins, scales and crosses stay as they were fitted; a field that is new is fitted anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from . import cells
from .encoding import Encoder, Encoding, Lists, listed
from .faults import fault
from .fitting import Training
from .spec import DataSpec, Feature
from .vocabulary import Vocabulary, fit_vocabulary


def taken_over(base: Encoding, spec: DataSpec, fitted: Mapping[str, Encoder], training: Training) -> dict[str, Encoder]:
    """The encoders of a table: of every field that the base has its own, with new values after its old ones.

    Raises SpaceError (S0422) where a field of the base is gone, or is of another kind.
    """
    own = {feature.name: feature for feature in spec.features}
    for feature in base.spec.features:
        mine = own.get(feature.name)
        if mine is None or replace(mine.meaning, role="") != replace(feature.meaning, role=""):
            what = "is not described" if mine is None else "is described otherwise"
            text = f"the model reads `{feature.name}`, which {what} here"
            raise fault(
                "S0422",
                text,
                spec.span,
                help="describe the fields that the model has as they were, and new ones besides",
            )
    return {f.name: _joined(base, f, fitted[f.name], training) for f in spec.features}


def _joined(base: Encoding, feature: Feature, fitted: Encoder, training: Training) -> Encoder:
    before = base.encoders.get(feature.name)
    match before:
        case None:
            return fitted
        case Vocabulary():
            column = training.table[feature.column].gather(training.rows)
            return _with_new(before, cells.values(column, feature.span))
        case Lists():
            column = listed(feature, training.table[feature.column].gather(training.rows))
            flat, _ = cells.flatten(column)
            return replace(before, vocabulary=_with_new(before.vocabulary, cells.values(flat, feature.span)))
        case _:
            return before


def _with_new(before: Vocabulary, column: pl.Series) -> Vocabulary:
    """Old values keep their ids and their counts; new ones follow, in falling order of their count."""
    fresh = fit_vocabulary(column.filter(pl.Series(before.ids(column) == 0)), 1)
    values = fresh.values.cast(before.values.dtype, strict=False)
    there = (values.is_not_null() | fresh.values.is_null()).to_numpy()
    kept = values.filter(pl.Series(there))
    counts = np.concatenate([before.counts, fresh.counts[there]])
    return Vocabulary(pl.concat([before.values, kept.rename(before.values.name)]), counts)
