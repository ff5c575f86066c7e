"""Numbers that are too long for Python to print, and tables."""

import math

import pytest

from recspace.cli.output import aligned, counted, digits, whole


@pytest.mark.parametrize(
    "number", [0, 7, -12, 2**53, 10**4200, 3**9013 + 1, 10**6000], ids=lambda n: f"{n.bit_length()} bits"
)
def test_digits_are_those_of_the_number(number):
    text = digits(number)
    value = 0
    for start in range(0, len(text.lstrip("-")), 1000):
        part = text.lstrip("-")[start : start + 1000]
        value = value * 10 ** len(part) + int(part)
    assert (-value if text.startswith("-") else value) == number
    assert text == "0" or not text.lstrip("-").startswith("0")


@pytest.mark.parametrize(
    ("number", "text"),
    [(999, "999"), (10**15 - 1, "999,999,999,999,999"), (10**15, "1.00 × 10^15"), (2**100, "1.27 × 10^30"),
     (999_999 * 10**20, "1.00 × 10^26"), (10**5000, "1.00 × 10^5000")],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_counted_has_three_digits_and_the_right_power(number, text):
    assert counted(number) == text


@pytest.mark.parametrize("power", [*range(45, 70), 300, 1023, 1024, 5001])
def test_counted_is_close_to_the_number(power):
    number = 2**power
    text = counted(number)
    if "×" in text:
        leading, _, exponent = text.partition(" × 10^")
        assert math.isclose(math.log10(float(leading)) + int(exponent), power * math.log10(2), abs_tol=0.003)
        assert 1 <= float(leading) < 10


def test_json_keeps_whole_numbers_that_readers_keep():
    assert whole(2**53 - 1) == 2**53 - 1
    assert whole(2**53) == str(2**53)


def test_columns_line_up():
    assert aligned([("a", "bb"), ("ccc", "d")]) == ["a    bb", "ccc  d"]
    assert aligned([("a", "bb"), ("ccc", "d")], right=True) == ["a    bb", "ccc   d"]
