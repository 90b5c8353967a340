"""The images of a run are found where scripts write them, and where they say they did."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from luci import runs
from luci.runner import pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder; what `wrote` puts there is as new as a run's, what was there before is a day old."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def put(path: Path, content: str = "x", age: float = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def made(folder: Path, output: str = "") -> list[str]:
    found = pictures.made(time.time() - 3600, folder / "figures", [folder], output)
    return [os.path.relpath(path, folder) for path in found]


def test_what_a_run_wrote_is_found_the_oldest_first(folder: Path) -> None:
    put(folder / "b.png", age=30)
    put(folder / "out" / "deep" / "a.SVG", age=20)
    put(folder / "figures" / "figure-1.png", age=10)
    assert made(folder) == ["b.png", "out/deep/a.SVG", "figures/figure-1.png"]


def test_older_empty_linked_and_other_files_are_none(folder: Path) -> None:
    put(folder / "old.png", age=7200)
    put(folder / "empty.png", content="")
    put(folder / "text.txt")
    (folder / "link.png").symlink_to(put(folder.parent / "elsewhere.png"))
    assert made(folder) == []


def test_environments_and_hidden_folders_are_not_looked_through(folder: Path) -> None:
    put(folder / "my-env" / "lib" / "logo.png")
    put(folder / "my-env" / "pyvenv.cfg")
    put(folder / ".git" / "a.png")
    put(folder / "a" / "b" / "c" / "d" / "too-deep.png")
    assert made(folder) == []


def test_a_file_that_the_output_names_is_found_anywhere(folder: Path) -> None:
    away = put(folder.parent / "away" / "plot.png")
    near = put(folder / "a" / "b" / "c" / "d" / "near.jpg")
    said = f"saved to '{away}'.\nand a/b/c/d/near.jpg, not gone.png"
    assert set(made(folder, said)) == {"../away/plot.png", os.path.relpath(near, folder)}


def test_a_large_folder_is_not_looked_through_for_ever(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        put(folder / f"{number}" / "a.png")
    monkeypatch.setattr(pictures, "MOST_ENTRIES", 40)
    assert 0 < len(made(folder)) < 30


def test_a_backend_that_the_person_chose_stays(folder: Path) -> None:
    assert pictures.without_window({"MPLBACKEND": "agg"}, folder / "figures") == {"MPLBACKEND": "agg"}
    assert not (folder / "figures").exists()
    told = pictures.without_window({}, folder / "figures")
    assert told["LUCI_FIGURES"] == str(folder / "figures") and (folder / "figures").is_dir()


def test_output_without_end_of_word_or_line_is_no_path_and_takes_no_time(folder: Path) -> None:
    plot = put(folder / "plot.png")
    assert made(folder, "x" * 1_000_000 + f" {plot}:") == ["plot.png"]


def test_an_image_is_in_doubt_where_another_run_was_under_way_that_writes_there(folder: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    shared, named = put(folder / "shared.png", age=10), put(folder / "named.png", age=10)
    figure = put(folder / "figures" / "figure-1.png", age=10)
    now = time.time()
    own = runs.Run("a", str(folder / "own.py"), (), now - 20, pid=os.getpid())
    over = runs.Run("b", str(folder / "over.py"), (), now - 90, pid=os.getpid(), seconds=30.0)
    away = runs.Run("c", str(folder.parent / "away" / "c.py"), (), now - 15, pid=os.getppid(), seconds=15.0)
    meanwhile = runs.Run("d", str(folder / "meanwhile.py"), (), now - 15, pid=os.getppid(), seconds=15.0)

    def doubtful(*others: runs.Run) -> list[Path]:
        files = [shared, named, figure]
        return pictures.doubtful(files, folder / "figures", "saved named.png", own, [own, *others])

    assert doubtful(over, away) == []
    assert doubtful(over, away, meanwhile) == [shared]
