"""`luci config` tells the settings as the file has them, and after a change just what was changed."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.cli.conftest import Luci


def test_settings_are_told_as_the_file_has_them_and_changed_one_by_one(lone: Luci, near_of) -> None:
    near, file = near_of(lone), Path(lone.environ["LUCI_HOME"]) / "config" / "config.toml"
    file.unlink(missing_ok=True)
    whole = tomllib.loads(near("config").out)
    assert whole["run"]["attempts"] and whole["walls"]["stranger"]["sandbox"] == "auto"

    done = near("config", "walls.stranger.memory", "2g")
    assert (done.code, tomllib.loads(done.out)) == (0, {"walls": {"stranger": {"memory": "2g"}}})
    assert tomllib.loads(file.read_text()) == {"walls": {"stranger": {"memory": "2g"}}}
    assert tomllib.loads(near("config", "names.google.cloud", "my-dist").out) == {"names": {"google.cloud": "my-dist"}}

    told = near("config", "--unset", "walls.stranger.memory").out
    assert tomllib.loads(told) == {"walls": {"stranger": {"memory": whole["walls"]["stranger"]["memory"]}}}
    assert near("config", "run.attempts", "many").code == 2
    assert tomllib.loads(near("config").out)["run"] == whole["run"]
