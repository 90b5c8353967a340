"""What is installed in an environment, for what, and who asked."""

from __future__ import annotations

import pytest

from luci.envs import trees
from luci.envs.trees import Node
from luci.errors import EnvError


@pytest.fixture
def forest(build, index):
    """top -> middle -> leaf, top -> leaf; loop-a <-> loop-b; fancy[color] -> paint."""
    index.add_wheel("leaf", "1.0", {"leaf.py": ""})
    index.add_wheel("middle", "1.0", {"middle.py": ""}, requires=["Leaf>=1", 'six; python_version < "3"'])
    index.add_wheel("top", "1.0", {"top.py": ""}, requires=["middle", "leaf"])
    index.add_wheel("loop-a", "1.0", {"loop_a.py": ""}, requires=["loop-b"])
    index.add_wheel("loop-b", "1.0", {"loop_b.py": ""}, requires=["loop-a"])
    index.add_wheel("paint", "1.0", {"paint.py": ""})
    index.add_wheel("fancy", "1.0", {"fancy.py": ""}, extras={"color": ["paint"]})
    return build


def test_a_tree_shows_what_brings_what(forest):
    (top,) = trees.tree(forest("top"))
    leaf = Node("leaf", "1.0", "Leaf>=1")
    assert top == Node("top", "1.0", "top", (Node("middle", "1.0", "middle", (leaf,)), Node("leaf", "1.0", "leaf")))


def test_each_requirement_has_its_tree(forest):
    assert [node.name for node in trees.tree(forest("top", "six"))] == ["six", "top"]


def test_a_circle_ends(forest):
    (a,) = trees.tree(forest("loop-a"))
    assert a.children[0].children == (Node("loop-a", "1.0", "loop-a"),)


def test_what_an_extra_brings_is_shown_only_with_the_extra(forest):
    assert [n.children for n in trees.tree(forest("fancy"))] == [()]
    assert [n.children[0].name for n in trees.tree(forest("fancy[color]"))] == ["paint"]


def test_why_names_every_chain(forest):
    told = trees.why(forest("top", "leaf"), "Leaf")
    assert (told["package"], told["version"]) == ("leaf", "1.0")
    assert sorted(told["chains"]) == [["leaf 1.0"], ["top 1.0", "leaf 1.0"], ["top 1.0", "middle 1.0", "leaf 1.0"]]


def test_why_names_the_chains_through_what_another_brought_already(forest, index):
    index.add_wheel("second", "1.0", {"second.py": ""}, requires=["middle"])
    told = trees.why(forest("top", "second"), "leaf")
    assert told["chains"] == [
        ["top 1.0", "leaf 1.0"],
        ["second 1.0", "middle 1.0", "leaf 1.0"],
        ["top 1.0", "middle 1.0", "leaf 1.0"],
    ]


def test_chains_pass_nothing_twice_and_only_the_extras_that_are_asked_for(forest, index):
    index.add_wheel("plain", "1.0", {"plain.py": ""}, requires=["fancy"])
    index.add_wheel("bright", "1.0", {"bright.py": ""}, requires=["fancy[color]"])
    env = forest("plain", "bright", "loop-a")
    assert trees.why(env, "paint")["chains"] == [["bright 1.0", "fancy 1.0", "paint 1.0"]]
    assert trees.why(env, "loop-b")["chains"] == [["loop-a 1.0", "loop-b 1.0"]]
    assert trees.why(env, "loop-a")["chains"] == [["loop-a 1.0"]]


def test_of_more_chains_than_anybody_reads_the_shortest_are_named(forest, index):
    levels, wide = 6, 3  # 3 + 9 + ... ways: more than 1,000
    for level in range(levels):
        below = [f"n{level + 1}-{each}" for each in range(wide)] if level + 1 < levels else ["leaf"]
        for each in range(wide):
            index.add_wheel(f"n{level}-{each}", "1.0", {f"n{level}_{each}.py": ""}, requires=below)
    told = trees.why(forest(*(f"n0-{each}" for each in range(wide)), "leaf"), "leaf")
    assert len(told["chains"]) == trees.CHAINS and told["chains"][0] == ["leaf 1.0"]


@pytest.mark.parametrize("line", ["Top", "top~=1.0", "top!=3", "top[x]>=1; python_version > '3'", "top==1.0"])
def test_why_names_the_import_behind_the_requirement(forest, line):
    choice = {"module": "top", "requirements": [line], "reason": "well known"}
    other = {"module": "six", "requirements": ["six"], "reason": "well known"}
    env = forest("top", "six", choices=[choice, other])
    assert trees.why(env, "leaf")["choices"] == [choice]


def test_why_of_what_is_not_there_is_said(forest):
    with pytest.raises(EnvError, match="nothing is not in luci_"):
        trees.why(forest("six"), "nothing")
