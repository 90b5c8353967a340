"""What a Python satisfies is what the standard's own library says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from luci.envs.fitting import satisfies, takes

NUMBERS = st.integers(0, 14)
VERSIONS = st.tuples(st.integers(2, 4), NUMBERS, NUMBERS).map(lambda parts: ".".join(map(str, parts)))
WANTED = st.lists(NUMBERS, min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
OPERATORS = [">", "<", ">=", "<=", "!=", "==", "~=", "==="]
ENDINGS = ["", ".*", "rc1", ".dev0", " "]
CLAUSES = st.builds("{}{}{}".format, st.sampled_from(OPERATORS), WANTED, st.sampled_from(ENDINGS))


@given(VERSIONS, st.lists(CLAUSES, max_size=3).map(",".join))
def test_a_version_satisfies_what_the_standard_says_it_does(version, wanted):
    try:
        expected = SpecifierSet(wanted).contains(version, prereleases=True)
    except ValueError:
        with pytest.raises(ValueError, match="Invalid specifier"):
            satisfies(version, wanted)
    else:
        assert satisfies(version, wanted) is expected


TAGS = frozenset({"py3-none-any", "cp312-cp312-manylinux_2_17_x86_64", "cp312-abi3-linux_x86_64"})
PARTS = ["py2.py3", "py3", "CP312", "cp311.cp312", "none", "abi3", "cp312", "any", "linux_x86_64"]
PARTS += ["manylinux_2_17_x86_64.manylinux2014_x86_64", ""]


@given(st.lists(st.sampled_from(PARTS), max_size=4), st.sampled_from(["demo-1.0", "demo-1.0-1", "demo"]))
def test_a_wheel_is_taken_for_the_tags_that_the_standard_reads_in_its_name(parts, stem):
    name = "-".join([stem, *parts]) + ".whl"
    try:
        told = {str(tag) for tag in parse_wheel_filename(name)[3]}
    except InvalidWheelFilename:
        return  # no index page brings such a file
    assert takes(TAGS, name) is not told.isdisjoint(TAGS)
