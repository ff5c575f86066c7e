"""The options that every stage that trains weights has, in one place."""

from __future__ import annotations

from recspace.compiler.promise import Option

OPTIMIZERS = ("adam", "adagrad", "sgd", "grda")


BATCH = Option("batch_size", "whole", "auto", ("auto",), low=1,
               doc="rows of a step; auto: 1024, or the power of two from 32 with which an epoch has 64 steps and the stage 512")  # fmt: skip

METRIC = Option("metric", "label", "auto", ("auto", "auc", "logloss", "rmse", "accuracy", "ndcg", "recall"),
                doc="what is watched; auto: auc, rmse, (classes) logloss or (ranking) ndcg")  # fmt: skip


def batch_size(option: int | str, rows: int, epochs: int) -> int:
    """Rows of a step, of `rows` that are trained on so many times. With few of them large batches are hardly a step."""
    if option != "auto":
        return int(option)
    return min(1024, max(32, 1 << max(min(rows // 64, rows * epochs // 512), 1).bit_length() - 1))


def fitting(epochs: int, *, patience: int | None = None, weights: str = "optimizer") -> tuple[Option, ...]:
    """Options of a stage that trains. `patience`: the default of early stopping, None for a stage without it.

    `weights`: how the option is called that holds the optimizer of the weights.
    """
    stopping = (
        Option("patience", "whole", patience, low=0, doc="epochs (and 100 steps) without a better score before it stops; 0: never"),
        METRIC,
    )  # fmt: skip
    return (
        Option("epochs", "whole", epochs, low=1, doc="passes over the training rows"),
        BATCH,
        Option(weights, "call", None, OPTIMIZERS, doc="of the weights; adam(lr = 0.001) where none is given"),
        Option("decay", "label", "none", ("none", "cosine", "linear"), doc="learning rate over the stage, down to 0"),
        Option("clip", "real", 0.0, low=0.0, doc="largest norm of a step's gradients; 0: any"),
        *(stopping if patience is not None else ()),
    )
