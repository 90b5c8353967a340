"""A file that a script did not find is told with where it was looked for, and nothing of what lies outside."""

from __future__ import annotations

from pathlib import Path

from luci.runner.lost import lost_file


def missing(path: object) -> str:
    return f"FileNotFoundError: [Errno 2] No such file or directory: '{path}'"


def test_behind_a_wall_it_is_told_what_is_in_the_project_and_not_whether_a_file_outside_is_there(
    tmp_path: Path,
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".env").write_text("")
    (tmp_path / "key").write_text("")
    there, nowhere = (
        lost_file(missing(tmp_path / name), project, walled=True).replace(name, "") for name in ("key", "none")
    )
    assert there == nowhere and "outside the project" in there
    assert "the wall keeps it" in lost_file(missing(".env"), project, walled=True)
    assert "outside" in lost_file(missing("../key"), project, walled=True)
    assert lost_file("ValueError: no", project, walled=True) == ""


def test_without_a_wall_a_name_that_is_close_is_told(tmp_path: Path) -> None:
    (tmp_path / "sales_2026.csv").write_text("")
    assert "There is sales_2026.csv." in lost_file(missing("sales-2026.csv"), tmp_path)
    assert "a folder that is not there" in lost_file(missing("gone/a.csv"), tmp_path)
