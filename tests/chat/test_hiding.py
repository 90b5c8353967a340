"""A change that hides a failure is no mending, in whatever form; one that mends it may be as it likes."""

from __future__ import annotations

import sys

import pytest

from luci.chat.mending import Failure, Mending

BEFORE = "def f():\n    return 1 / 0\n\n\nprint(f())\nprint('more')\n"
FAILURE = Failure("ZeroDivisionError: division by zero", "a.py", 2)


def around(before: str, after: str, first: str = "") -> str:
    return f"{first}def f():\n    {before}\n        return 1 / 0\n{after}\n\nprint(f())\nprint('more')\n"


HIDES = {
    "a type above": around("try:", "    except ArithmeticError:\n        pass"),
    "only told": around("try:", "    except Exception as error:\n        print(error)"),
    "only logged": around("try:", "    except:\n        logging.info('x')\n        result = None", "import logging\n"),
    "another name": around("with quiet(ZeroDivisionError):", "", "from contextlib import suppress as quiet\n"),
    "a name for a type": around("try:", "    except Any:\n        return None", "Any = Exception\n"),
    "a manager": around("with C():", "", "class C:\n    def __exit__(self, *a):\n        return True\n\n"),
    "finally": around("try:", "    finally:\n        return None"),
    "never true": around("if False:", ""),
    "ended before": "import sys\nsys.exit(0)\n" + BEFORE,
    "returned before": BEFORE.replace("    return 1", "    return 0\n    return 1"),
    "raised well": around("try:", "    except ZeroDivisionError:\n        raise SystemExit(0)"),
    "at the end": "import atexit, os\natexit.register(os._exit, 0)\n" + BEFORE,
    "another hook": "import sys\nsys.excepthook = print\n" + BEFORE,
    "commented out": BEFORE.replace("    return 1 / 0", "    # return 1 / 0\n    return 0"),
}
MENDS = {
    "the cause": BEFORE.replace("1 / 0", "1 / 2"),
    "a condition": BEFORE.replace("return 1 / 0", "return 1 / n if (n := 2) else 0"),
    "handled": around("try:", "    except ZeroDivisionError:\n        return compute()"),
    "told, and ended": around(
        "try:", "    except ZeroDivisionError as e:\n        sys.exit(f'no: {e}')", "import sys\n"
    ),
    "another error": around("try:", "    except KeyError:\n        pass"),
    "an end at the end": BEFORE + "import sys\nsys.exit(0)\n",
    "a guard": BEFORE.replace("    return", "    if not ready():\n        return None\n    return"),
}


def failed() -> Mending:
    mending = Mending()
    mending.ran(FAILURE, "a.py")
    mending.ran(None)  # a line of code that works, meanwhile
    return mending


@pytest.mark.parametrize("name", HIDES)
def test_what_hides_an_error_is_refused(name: str) -> None:
    assert "only" in "".join(failed().objections("a.py", BEFORE, HIDES[name])), HIDES[name]


@pytest.mark.parametrize("name", MENDS)
def test_what_mends_an_error_is_not_refused(name: str) -> None:
    assert not list(failed().objections("a.py", BEFORE, MENDS[name])), MENDS[name]


def test_what_is_asserted_is_made_true_and_not_taken_away() -> None:
    before = "import pytest\n\ndef test_a():\n    assert work() == 3\n    self.assertIn(1, all())\n"
    for after in (
        before.replace("== 3", ""),
        before.replace("    self.assertIn(1, all())\n", ""),
        before.replace("def test", "@pytest.mark.skip\ndef test"),
        before.replace("    assert", "    pytest.xfail('so')\n    assert"),
    ):
        assert list(failed().objections("test_a.py", before, after)), after
    mending = Mending()
    mending.ran(Failure("AssertionError", "b.py", 1), "b.py")
    assert list(mending.objections("b.py", "assert work()\n", "work()\n"))
    assert not list(mending.objections("b.py", "assert work()\n", "prepare()\nassert work()\n"))


def test_an_errors_name_makes_luci_import_nothing() -> None:
    said = "antigravity.Error", "this.Error", "idlelib.idle.Error", "test.__main__.Error"
    for error in said:
        mending = Mending()
        mending.ran(Failure(f"{error}: x", "a.py", 2), "a.py")
        assert list(mending.objections("a.py", BEFORE, HIDES["only told"]))
    assert not {name.rpartition(".")[0] for name in said} & set(sys.modules)


def test_a_warning_that_is_an_error_is_not_silenced() -> None:
    mending = Mending()
    mending.ran(Failure("DeprecationWarning: old", "a.py", 1), "a.py")
    assert list(mending.objections("a.py", "old()\n", "import warnings\nwarnings.simplefilter('ignore')\nold()\n"))


def test_what_was_expected_once_is_expected_still_and_code_that_works_mends_no_script() -> None:
    mending = failed()
    assert mending.failure == FAILURE
    assert mending.expecting(("a.py",), "42") == ["42"] and mending.expecting(("a.py",), "") == ["42"]
    assert mending.expecting(("a.py",), "41") == ["42", "41"] and mending.expecting(("a.py", "-v"), "") == []
    mending.ran(None, "a.py")
    assert mending.failure is None
