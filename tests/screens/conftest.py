"""What the tests of the app share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.screens.app_host import workplace


@pytest.fixture(scope="session")
def asked_pythons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what the Pythons of this machine said of themselves is kept: asking them takes seconds."""
    return tmp_path_factory.mktemp("pythons")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, asked_pythons: Path) -> Iterator[Path]:
    """A folder with scripts, for all tests of a module; environments of one test are there in the next."""
    with workplace(tmp_path_factory.mktemp("work"), asked_pythons) as folder:
        yield folder
