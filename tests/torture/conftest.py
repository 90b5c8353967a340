"""The ground for the short form of each torture; bench/torture.py does the same at length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.torture.ground import Ground, Trial, laid
from tests.torture.shortages import CannotBeTried


@pytest.fixture(scope="session")
def _laid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with laid(tmp_path_factory.mktemp("torture"), brief=True) as ground:
        yield ground


@pytest.fixture
def ground(_laid: Ground) -> Iterator[Ground]:
    yield _laid
    _laid.index.recover()


@pytest.fixture
def hold() -> Callable[[Iterable[Trial]], None]:
    """Do some trials to the end, and expect that each held."""

    def all_of(trials: Iterable[Trial]) -> None:
        done = 0
        try:
            for trial in trials:
                assert not trial.faults, trial
                done += 1
        except CannotBeTried as reason:
            pytest.skip(str(reason))
        assert done, "nothing was tried"

    return all_of
