"""Small files are written whole or not at all, and one that was altered is not believed."""

from __future__ import annotations

import os

import pytest

from luci.envs import files


def test_what_was_sealed_is_read_again(tmp_path):
    files.write_sealed(tmp_path / "a.json", {"x": ["é", None, 1.5]})
    assert files.read_sealed(tmp_path / "a.json") == {"x": ["é", None, 1.5]}


@pytest.mark.parametrize(
    "alter",
    [
        lambda content: content.replace(b"7", b"8"),
        lambda content: content[:-3] + b"}",
        lambda content: content[content.index(b",") :],
        lambda content: b'{"x":7}',
        lambda content: b"",
        lambda content: content + b" ",
    ],
)
def test_what_was_altered_since_it_was_sealed_is_not_believed(tmp_path, alter):
    path = tmp_path / "a.json"
    files.write_sealed(path, {"x": 7})
    path.write_bytes(alter(path.read_bytes()))
    assert files.read_sealed(path) == {}


def test_a_file_that_cannot_be_opened_for_want_of_descriptors_is_not_taken_for_missing(tmp_path):
    import resource

    path = tmp_path / "a.json"
    path.write_text("{}")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(map(int, os.listdir("/dev/fd"))), limits[1]))
    try:
        for reading in (files.read_json, files.read_sealed, files.listing, files.entries):
            with pytest.raises(OSError, match="Too many open files"):
                reading(path if "read" in reading.__name__ else tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_name_tells_who_began_to_write(tmp_path):
    assert files.writer_of(f".{os.getpid()}-a.json.x7.part") == os.getpid()
    assert [files.writer_of(name) for name in ("a.json", ".a.part", ".x-a.part", "12-a.part")] == [None] * 4


def test_links_and_folders_are_discarded_as_files_are(tmp_path):
    (tmp_path / "a").symlink_to("a")
    (tmp_path / "folder" / "b").mkdir(parents=True)
    assert [files.discard(tmp_path / name) for name in ("a", "folder", "gone")] == [True] * 3
    assert os.listdir(tmp_path) == []
