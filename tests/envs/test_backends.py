"""What each kind of environment can do, and that the documentation says so."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from luci.envs import backends
from luci.envs.backends import KINDS, Ability
from luci.errors import EnvError, UsageError

DOCS = Path(__file__).parents[2] / "docs" / "environments.md"


def rows() -> list[list[str]]:
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("| kind |"))
    table = [line for line in lines[first:] if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in (table[0], *table[2 : 2 + len(KINDS)])]


def test_the_table_of_kinds_says_what_each_can() -> None:
    head, *body = rows()
    assert head[1:] == list(get_args(Ability)) and tuple(row[0] for row in body) == KINDS
    for kind, *cells in body:
        can = {ability for ability, cell in zip(head[1:], cells, strict=True) if cell == "yes"}
        assert can == backends.of(kind).can, kind


def test_what_a_kind_cannot_is_refused_in_a_line() -> None:
    with pytest.raises(UsageError, match="An environment of the kind sarus opens no shell"):
        backends.insist("sarus", "shell", "opens no shell")
    with pytest.raises(EnvError, match="knows no environments of the kind 'raft'"):
        backends.of("raft")
