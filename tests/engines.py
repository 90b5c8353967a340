"""The container engines that `.ci/engines` starts for tests, and what a person needs to use one."""

from __future__ import annotations

import os
import sys

import pytest

BASE = "luci-test/python:{python}"  # what `.ci/engines` loads into each
VERSION = "{}.{}".format(*sys.version_info[:2])
SOCKETS = {"docker": os.environ.get("TESTS_DOCKER", ""), "podman": os.environ.get("TESTS_PODMAN", "")}
ROOTLESS = os.environ.get("TESTS_ROOTLESS", "")  # a Podman of the user `nobody`
NAMED_BY = {"docker": "DOCKER_HOST", "podman": "CONTAINER_HOST"}


def why_not(kind: str) -> str:
    return "" if SOCKETS[kind] else f"no {kind} of the tests' own: .ci/engines start DIR"


def needs(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(bool(why_not(kind)), reason=why_not(kind))


def variables(kind: str) -> dict[str, str]:
    """The variables of a person whose engine this is, and who has one base image."""
    return {NAMED_BY[kind]: SOCKETS[kind], "LUCI_CONTAINERS_BASE": BASE}
