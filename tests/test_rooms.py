"""The core and the command line are light: each module loads without what draws, waits or speaks HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import luci

pytestmark = pytest.mark.each_python

HEAVY = ("textual", "rich", "asyncio", "requests", "pydantic", "urllib3", "httpx", "aiohttp")
DRAWS = ("luci.screens", "luci.app", "luci.__main__")
ROOT = Path(luci.__file__).parent

EACH_ALONE = """
import importlib, json, os, sys
# what most take of the standard library, loaded once for all of them
import argparse, contextlib, dataclasses, datetime, pathlib, re, shutil, subprocess, tempfile, typing, urllib.parse
for name in json.loads(sys.argv[1]):
    child = os.fork() if hasattr(os, "fork") else 0
    if child:
        os.waitpid(child, 0)
        continue
    importlib.import_module(name)
    print(json.dumps([name, sorted({m.partition(".")[0] for m in sys.modules})]), flush=True)
    os._exit(0)
"""


def core_modules() -> list[str]:
    files = [f for f in ROOT.rglob("*.py") if not {"hook", "programs"} & {*f.parts}]
    names = {".".join(("luci", *f.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__") for f in files}
    return sorted(name for name in names if not name.startswith(DRAWS))


def tops_loaded_by(modules: list[str]) -> dict[str, set[str]]:
    """{module: top-level names in sys.modules after it was imported first in a process of its own}"""
    command = [sys.executable, "-c", EACH_ALONE, json.dumps(modules)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name: set(tops) for name, tops in map(json.loads, told.stdout.splitlines())}


def test_each_core_module_loads_alone_and_light():
    loaded = tops_loaded_by(core_modules())
    assert not {name for name in core_modules() if name not in loaded}
    assert not {name: tops & set(HEAVY) for name, tops in loaded.items() if tops & set(HEAVY)}
    luci_and_json = loaded["luci.runner.warm"] - set(sys.stdlib_module_names)
    assert {name for name in luci_and_json if not name.startswith("_")} <= {"luci", "sitecustomize", "usercustomize"}


@pytest.mark.parametrize("command", [[sys.executable, "-m", "luci"], [str(Path(sys.executable).with_name("luci"))]])
def test_luci_tells_its_version(command):
    if not Path(command[0]).exists():
        pytest.skip("the command luci is not installed beside this Python")
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"luci {luci.__version__}\n", "")
