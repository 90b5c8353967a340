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

ALL_AND_EACH = """
import gc, importlib, json, os, sys
gc.disable()
names = json.loads(sys.argv[1])
importlib.import_module("luci.runner.warm")
print(json.dumps(sorted({m.partition(".")[0] for m in sys.modules})))
for name in names:
    importlib.import_module(name)
print(json.dumps(sorted({m.partition(".")[0] for m in sys.modules})), flush=True)
# from here on libraries are there, and nothing of luci: what is imported first has nobody to lean on
for name in [name for name in sys.modules if name.partition(".")[0] == "luci"]:
    del sys.modules[name]
for name in names:
    child = os.fork() if hasattr(os, "fork") else 0
    if child:
        os.waitpid(child, 0)
        continue
    importlib.import_module(name)
    print(json.dumps(name), flush=True)
    os._exit(0)
"""


def core_modules() -> list[str]:
    files = [f for f in ROOT.rglob("*.py") if not {"hook", "programs"} & {*f.parts}]
    names = {".".join(("luci", *f.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__") for f in files}
    return sorted(name for name in names if not name.startswith(DRAWS))


def test_each_core_module_loads_alone_and_light():
    command = [sys.executable, "-c", ALL_AND_EACH, json.dumps(core_modules())]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    warm, everything, *alone = map(json.loads, done.stdout.splitlines())
    assert not {*core_modules()} - {*alone}, done.stderr
    assert not {*everything} & {*HEAVY}
    luci_and_json = {*warm} - set(sys.stdlib_module_names)
    assert {name for name in luci_and_json if not name.startswith("_")} <= {"luci", "sitecustomize", "usercustomize"}


@pytest.mark.parametrize("command", [[sys.executable, "-m", "luci"], [str(Path(sys.executable).with_name("luci"))]])
def test_luci_tells_its_version(command):
    if not Path(command[0]).exists():
        pytest.skip("the command luci is not installed beside this Python")
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"luci {luci.__version__}\n", "")
