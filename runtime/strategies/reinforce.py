"""reinforce: a policy learned by REINFORCE proposes; its reward is what validation says."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

promise = Stage(
    "reinforce",
    "A policy learned by REINFORCE proposes; its reward is what validation says",
    "sample",
    (
        Option("controller", "label", "policy", ("policy", "actor_critic"), doc="with or without a critic"),
        Option("quality", "label", "auto", ("auto", "auc", "loss"), doc="the reward"),
        Option("moves", "any", None, doc="actions that change a decision instead of setting it"),
        Option("state", "any", None, doc="what the policy sees"),
        Option("policy", "widths", None, doc="hidden layers of the policy"),
        Option("start", "label", "default", ("default", "smallest", "widest"), doc="where decisions begin"),
        Option("inherit", "flag", False, doc="an enlarged vector starts from the smaller one"),
        Option("reward", "label", "quality", ("quality", "loss_drop"), doc="what is rewarded"),
        Option("window", "whole", 1, low=1, doc="rewards that the baseline averages"),
        *fitting(5),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    per_value=True,
    implemented=False,
)
