"""Tables of plain text: in columns, harmless, and no wider than the terminal."""

from __future__ import annotations

import doctest
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from luci.screens import plain

CELLS = st.text(alphabet=st.sampled_from("ab cé漢\n\t\x1b\u202e\u0301-/"), max_size=40)


def test_the_examples_hold():
    assert doctest.testmod(plain).failed == 0


def test_columns_are_as_wide_as_what_is_in_them():
    lines = plain.table(("a", "name"), [("1", "漢字"), ("22", "x"), ("é", "")]).split("\n")
    assert lines == ["a   name", "──  ────", "1   漢字", "22  x", "é"]


def test_a_cell_that_is_too_long_is_folded_between_its_words():
    told = plain.table(("key", "why"), [("k", "it is imported in two places"), ("l", "no")], width=20)
    assert told.split("\n") == [
        "key  why",
        "───  ───────────────",
        "k    it is imported",
        "     in two places",
        "l    no",
    ]


def test_a_word_that_is_too_long_is_broken():
    told = plain.table(("x",), [("a" * 25,)], width=12)
    assert told.split("\n")[2:] == ["a" * 12, "a" * 12, "a"]


def test_a_pipe_gets_a_line_a_row():
    assert plain.table(("x", "y"), [("a" * 300, "b c " * 100)]).count("\n") == 2


@settings(deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5), width=st.integers(0, 60))
def test_nothing_gets_lost_or_obeyed(rows, width):
    told = plain.table(("", "", ""), rows, width)
    assert "\x1b" not in told and "\u202e" not in told and "\t" not in told
    said = "".join(cell for row in rows for cell in row)
    assert Counter("".join(told.replace("─", "").split())) == Counter("".join(plain.harmless(said).split()))


@settings(deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=5), width=st.integers(30, 60))
def test_no_line_is_wider_than_the_terminal(rows, width):
    told = plain.table(("one", "two"), rows, width)
    assert all(plain._width(line) <= width for line in told.split("\n"))
