"""Runs of every stage, killed at random moments, end with the same bits as runs that nobody killed."""

import random

import every_space
import matrix
import pytest
from interrupted import essence
from killing import cell, killed, straight

FIRST = {strategy: name for (name, strategy), runs in reversed(matrix.read_cover()) if runs}
"""A space that each strategy searches."""
FEW = ("stream", "screen", "relax(as = soft_threshold)")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    every_space.write(folder)
    return folder


def hold(strategy, kills, data, folder):
    name = FIRST[strategy]
    whole, cut = folder / "whole", folder / "cut"
    seconds = straight(cell, whole, data, name, strategy)
    assert killed(cell, cut, kills, seconds, random.Random(strategy), data, name, strategy) > 0
    assert essence(cut) == essence(whole)


@pytest.mark.parametrize("strategy", FEW)
def test_killed_a_few_times(strategy, data, tmp_path):
    hold(strategy, 2, data, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("strategy", FIRST)
def test_killed_often(strategy, data, tmp_path):
    hold(strategy, 6, data, tmp_path)
