"""What every file of runtime/operators promises, against its functions. A new file is tested without a change here."""

from __future__ import annotations

import inspect
import itertools
import subprocess
import sys

import pytest
import torch
from operators.harness import OPERATORS, Case, Run, cases, close, drawn, functions, inputs, layered, marked, runs, sizes
from torch import Tensor

from recspace.compiler.promise import Operator
from recspace.compiler.shapes import NUMBER, matrix, sequence, vector
from recspace.runtime.registry import sources

SMALL = (NUMBER, vector(4), matrix(3, 4), sequence(4))


# -- the file ----------------------------------------------------------------------------------------------


def test_promises_are_read_without_torch() -> None:
    code = "import sys, recspace.runtime.registry as r; r.promises(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("promise", OPERATORS.values(), ids=lambda p: p.name)
def test_file_holds_what_it_promises(promise: Operator) -> None:
    assert promise.doc
    assert all(o.doc for o in promise.options)
    named = {*promise.inputs, *(o.name for o in promise.options)}
    assert not promise.positional or set(promise.positional) == named
    texts = sources(promise.name)
    if promise.expand is not None:
        assert not texts
        return
    assert promise.name in texts
    assert all(name == promise.name or name.startswith(f"{promise.name}_") or promise.structural for name in texts)
    parameters = inspect.signature(functions(promise.name)[promise.name]).parameters
    if not promise.structural:
        assert promise.uses_training == ("training" in parameters)
        assert promise.present == ("present" in parameters)
        keywords = {n for n, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
        noise = {n.name for n in promise.noise}
        assert keywords <= {"training", "present", *noise, *(o.name for o in promise.options)}


def test_every_operator_has_a_case() -> None:
    covered = {case.operator for case in cases(runs)}
    assert covered == {name for name, promise in OPERATORS.items() if runs(promise)}


# -- shapes and weights ------------------------------------------------------------------------------------


@marked(cases(runs))
def test_shape_is_the_one_promised(case: Case) -> None:
    weighted = bool(layered(case))
    for training, batch, family in itertools.product((False, True), (1, 3), (None, 1, 4)):
        for grouped in (False, True) if weighted and family is not None else (False,):
            run = Run(training, grouped=family if grouped else None)
            y = run(case, *inputs(case, batch, family))
            assert tuple(y.shape) == (batch, *(() if family is None else (family,)), *sizes(case.result))
            assert y.dtype == torch.float64
            assert torch.isfinite(y).all()


@marked(cases(runs))
def test_every_weight_is_used(case: Case) -> None:
    run = Run(training=True)
    run(case, *inputs(case))
    weights = {k: w.requires_grad_() for k, w in run.weights.items()}
    y = Run(training=True, weights=weights)(case, *inputs(case))
    if not weights:
        return
    direction = drawn(tuple(y.shape), 5)
    for name, gradient in zip(weights, torch.autograd.grad((y * direction).sum(), list(weights.values())), strict=True):
        assert gradient.abs().max() > 0, name


@marked(cases(runs))
def test_one_layer_for_each_of_a_family(case: Case) -> None:
    if not layered(case):
        return
    for training in (False, True):
        grouped = Run(training, grouped=3)
        values = inputs(case, 4, 3)
        grouped.noise = lambda x: drawn(tuple(x.shape), 77, 0, 1)
        warm = Run(training=False, grouped=3)
        warm(case, *values)
        grouped.weights = warm.weights
        grouped.buffers = {k: b.clone() for k, b in warm.buffers.items()}
        together = grouped(case, *values)
        for k in range(3):
            apart = Run(training, weights={n: w[k] for n, w in warm.weights.items()})
            apart.buffers = {n: b[k].clone() for n, b in warm.buffers.items()}
            apart.noise = lambda x, k=k: drawn((x.shape[0], 3, *x.shape[1:]), 77, 0, 1)[:, k]
            close(together[:, k], apart(case, *(v[:, k] for v in values)))
            for name, buffer in apart.buffers.items():
                close(grouped.buffers[name][k], buffer)


@marked(cases(runs))
def test_a_shared_layer_treats_a_family_alike(case: Case) -> None:
    values = inputs(case, 4, 3)
    run = Run()
    together = run(case, *values)
    for k in range(3):
        close(together[:, k], run(case, *(v[:, k] for v in values)))


@marked(cases(lambda p: runs(p) and p.uses_training))
def test_buffers_move_in_training_alone(case: Case) -> None:
    run = Run()
    run(case, *inputs(case))
    before = {k: b.clone() for k, b in run.buffers.items()}
    run(case, *inputs(case))
    assert all(torch.equal(run.buffers[k], b) for k, b in before.items())
    run.training = True
    run(case, *inputs(case))
    assert all(not torch.equal(run.buffers[k], b) for k, b in before.items())


# -- gradients ---------------------------------------------------------------------------------------------


@marked(cases(runs, SMALL))
@pytest.mark.parametrize("training", [False, True])
def test_gradients_once_and_twice(case: Case, training: bool) -> None:
    for grouped in (None, 2) if layered(case) else (None,):
        first = Run(training, grouped=grouped)
        family = grouped if grouped else None
        values = inputs(case, 3, family, length=3)
        first(case, *values)
        names = list(first.weights)

        def function(*tensors: Tensor, names: list[str] = names, first: Run = first, n: int = len(values)) -> Tensor:
            run = Run(training, first.grouped, weights=dict(zip(names, tensors[n:], strict=True)))
            run.buffers = {k: b.clone() for k, b in first.buffers.items()}
            return run(case, *tensors[:n])

        leaves = [t.clone().requires_grad_() for t in (*values, *first.weights.values())]
        assert torch.autograd.gradcheck(function, leaves, fast_mode=True)
        assert torch.autograd.gradgradcheck(function, leaves, fast_mode=True)


# -- compilers ---------------------------------------------------------------------------------------------


def first_cases() -> list[Case]:
    """For each operator and kind of input one case."""
    found: dict[tuple[str, tuple[str, ...]], Case] = {}
    for case in cases(runs, SMALL):
        found.setdefault((case.operator, tuple(s.kind for s in case.shapes)), case)
    return [c for c in found.values() if len({s.kind for s in c.shapes}) == 1]


class _Module(torch.nn.Module):
    """A case with its state as buffers, as an exported model has it."""

    def __init__(self, case: Case, run: Run) -> None:
        super().__init__()
        self.case, self.names = case, (tuple(run.weights), tuple(run.buffers))
        for k, tensor in enumerate((*run.weights.values(), *run.buffers.values())):
            self.register_buffer(f"state{k}", tensor)

    def forward(self, *values: Tensor) -> Tensor:
        state = iter(self.buffers())
        weights, buffers = ({name: next(state) for name in names} for names in self.names)
        return Run(weights=weights, buffers=buffers)(self.case, *values)


@marked(first_cases())
def test_exports_with_a_batch_of_any_size(case: Case) -> None:
    """No branch on data, and nothing that fixes the number of rows."""
    run = Run()
    run(case, *inputs(case, 7, length=3))
    model = _Module(case, run)
    rows = torch.export.Dim("rows", min=2, max=4096)
    exported = torch.export.export(
        model, tuple(inputs(case, 7, length=3)), dynamic_shapes=(({0: rows},) * len(case.shapes),), strict=False
    )
    others = inputs(case, 11, seed=20, length=3)
    close(exported.module()(*others), run(case, *others))
