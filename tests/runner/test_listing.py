"""What a project page lists is what a reader of pages of any kind finds on it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypi_simple import DistributionPackage, ProjectPage, parse_links_stream

from luci.runner.listing import HTML, JSON, File, Unreadable, canonical_name, listed

URL = "http://index.invalid/simple/a-b/"
ENDINGS = [
    "-py3-none-any.whl",
    "-1-cp311-cp311-linux_x86_64.whl",
    ".tar.gz",
    ".zip",
    ".linux-x86_64.tar.gz",
    ".exe",
    "",
]
VERSIONS = ["1.0", "2.0.post1", "1-2", "3.0rc1", "", "1.0+local"]
NAMES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["a_b", "A.B", "a-b", "ab", "a-b-c", ""]),
    st.sampled_from(["-", "_", ""]),
    st.sampled_from(VERSIONS),
    st.sampled_from(ENDINGS),
)
PLACES = st.sampled_from(["../../files/{}", "http://u:p@other.invalid/{}#sha256=abc", "{}#md5=d", "http://[/{}"])
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["data-requires-python", "data-yanked", "data-core-metadata", "class"]),
    st.sampled_from(["", "&gt;=3.8", "true", "sha256=abc", "maybe"]),
)


def plain(package: DistributionPackage) -> File | None:
    if package.package_type not in ("wheel", "sdist") or canonical_name(package.project or "") != "a-b":
        return None
    if str(package.version).startswith("."):
        return None  # no version at all
    return File(
        package.filename,
        package.url.replace("u:p@", ""),
        str(package.version),
        package.package_type,
        package.requires_python or "",
        package.digests.get("sha256", ""),
        yanked=package.is_yanked,
        size=package.size,
        metadata=bool(package.has_metadata) and package.package_type == "wheel",
    )


@given(st.lists(st.tuples(NAMES, PLACES, ATTRIBUTES), max_size=4), st.sampled_from(["", "</a>", "</a><br/>\n"]))
def test_a_page_lists_what_another_reader_finds(links, end):
    rows = [(name, place.format(name), given) for name, place, given in links if "[" not in place or end]
    page = "".join(
        f'<a href="{url}" {" ".join(f"{k}={v!r}" for k, v in given.items())}>{name}{end or "</a>"}'
        for name, url, given in rows
    )
    found = parse_links_stream([page.replace("http://[", "nowhere").encode()], URL)
    expected = [plain(DistributionPackage.from_link(link, "a-b")) for link in found]
    read = listed(page.encode(), HTML, URL, "a-b")
    assert read == tuple(file for file in expected if file and "nowhere" not in file.url)


YANKED = st.booleans() | st.just("broken")
ROWS = st.tuples(NAMES, YANKED, st.none() | st.just(">=3.8"), st.none() | st.just(7))


@given(st.lists(ROWS, max_size=4))
def test_json_lists_what_another_reader_finds(rows):
    files = [
        {"filename": n, "url": f"../{n}", "hashes": {"sha256": "x"}, "yanked": y, "requires-python": r, "size": s}
        for n, y, r, s in rows
    ]
    told = {"name": "a-b", "meta": {"api-version": "1.1"}, "files": files}
    expected = [plain(package) for package in ProjectPage.from_json_data(told, URL).packages]
    assert listed(json.dumps(told).encode(), JSON, URL, "a-b") == tuple(filter(None, expected))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'<meta name="pypi:repository-version" content="2.0">', HTML),
        (b'{"meta": {"api-version": "2.0"}, "files": []}', JSON),
        (b'{"meta": {"api-version": "1.0"}, "files": [{"filename": 1, "url": "", "hashes": {}}]}', JSON),
        (b"[" * 100_000, JSON),
        (b"%PDF", "application/pdf"),
    ],
    ids=["later HTML", "later JSON", "no name", "too deep", "no page"],
)
def test_what_is_no_project_page_is_told(body, kind):
    with pytest.raises(Unreadable):
        listed(body, kind, URL, "a-b")
