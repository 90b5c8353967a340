"""Tell luci when its script ends because a module is missing. A copy is in every environment, Python 2.7 or later.

What is needed only when a script ends that way is in _luci_report.py beside this file: every start pays for this one.
"""
# mypy: ignore-errors
# ruff: noqa: BLE001, UP004
# This file is data: it runs inside the environment, in the script's own process. Nothing but sys and os is imported
# unless luci started that process, and then only modules written in C, which no file beside the script can shadow.
# It catches Exception where the script's own code may be called: a start-up hook must never be what fails.

import os
import sys


def start():
    variable = os.environ.pop("LUCI_RUN", None)  # first of all: no child may inherit it
    if variable is None:
        return
    pid, _, rest = variable.partition(":")
    mode, _, path = rest.partition(":")
    ours = pid in ("0", str(os.getpid())) and mode in ("exec", "report") and path
    if ours and not sys.flags.interactive and not sys.flags.inspect:
        watch = Watch(mode, path)
        watch.uncaught()
        watch.threads()
        watch.exit()


class Watch(object):
    """What is known of the process as it began, and what was reported."""

    def __init__(self, mode, path):
        self.mode, self.path = mode, path
        self.pid = os.getpid()
        self.thread = _ident()
        self.began = _clock()
        self.environ = os.environ.copy()
        self.cwd = _or_none(os.getcwd)
        self.umask = os.umask(0o22)
        os.umask(self.umask)
        self.signals = _signals()
        self.stdin_position = _or_none(os.lseek, 0, 0, 1)
        self.printed = sys.__excepthook__
        self.reported = ""  # "", "thread" or "main"
        self.held = None
        self.rest = {}

    def uncaught(self):
        original = sys.__excepthook__

        def excepthook(kind, value, traceback):
            if not self.final(value) or not self.do("hold", value, traceback):
                original(kind, value, traceback)

        if sys.excepthook is original:
            sys.excepthook = excepthook
        sys.__excepthook__ = excepthook  # scripts ask `sys.excepthook is sys.__excepthook__`, and call the latter
        self.printed = original

    def threads(self):
        """Replace the excepthook that `threading` takes from `_thread` when it is imported: that costs nothing.

        Python before 3.8 and PyPy have none: threads are not covered there. Nor are they where a script sets
        `threading.excepthook` without calling the earlier one.
        """
        original = getattr(sys.modules.get("_thread"), "_excepthook", None)
        if original is None:
            return

        def excepthook(args):
            original(args)  # at once, never held back: the main thread may wait for this one for ever
            if isinstance(args.exc_value, ImportError) and os.getpid() == self.pid and not self.reported:
                self.do("report_of_a_thread", args, original)

        sys.modules["_thread"]._excepthook = excepthook
        threading = sys.modules.get("threading")
        for name in ("excepthook", "__excepthook__"):
            if getattr(threading, name, None) is original:
                setattr(threading, name, excepthook)

    def exit(self):
        import atexit

        atexit.register(self.end)  # the first to register is the last to run

    def end(self):
        if os.getpid() != self.pid:
            return
        if self.reported or self.final(getattr(sys, "last_value", None)):
            self.do("end")
        if self.mode == "report":  # without this luci reads stderr for what nobody reported
            _or_none(os.open, self.path + ".end", os.O_CREAT | os.O_WRONLY)

    def final(self, value):
        """Whether `value` ends the script. Consoles and pytest set sys.last_value too, but with frames further in."""
        traceback = getattr(sys, "last_traceback", None)
        return (
            (isinstance(value, ImportError) or _lacks_a_library(value) or _tells_of_a_package(value))
            and value is getattr(sys, "last_value", None)
            and traceback is not None
            and traceback.tb_frame.f_back is None
            and os.getpid() == self.pid
            and _ident() == self.thread
            and not os.environ.get("PYTHONINSPECT")
        )

    def do(self, name, *arguments):
        """Call a function of the other file. False: it could not be read, and the script's end stays its own."""
        if not self.rest:
            try:
                with _open(_REST, "rb") as file:
                    source = file.read()
                names = dict(globals())
                exec(compile(source, _REST, "exec"), names)
                self.rest = names
            except Exception:
                return False
        return self.rest[name](self, *arguments)


def _lacks_a_library(value):
    """Whether it says that a shared library is not there, as ctypes and cffi do; on Linux."""
    return isinstance(value, OSError) and "cannot open shared object file" in str(value)


def _tells_of_a_package(value):
    """Whether a module had no such name, as older releases of it may, or the words say what to install."""
    if not isinstance(value, Exception):
        return False
    try:
        text = str(value)
    except Exception:
        return False
    if isinstance(value, AttributeError):
        return text.startswith("module '") and "' has no attribute '" in text
    return "pip install " in text or "to be installed" in text


def _ident():
    try:
        from _thread import get_ident
    except ImportError:
        from thread import get_ident
    return get_ident()


def _clock():
    import time

    return getattr(time, "monotonic", time.time)()


def _or_none(function, *arguments):
    try:
        return function(*arguments)
    except (OSError, ValueError):
        return None


def _signal_module():
    try:
        import _signal
    except ImportError:
        import signal as _signal  # Python 2, where it is the one written in C
    return _signal


def _signals():
    """Which signals are ignored and which are blocked: both outlive an exec."""
    signal = _signal_module()
    ignored = [number for number in range(1, signal.NSIG) if signal.getsignal(number) == signal.SIG_IGN]
    block = getattr(signal, "pthread_sigmask", None)
    return ignored, block and block(signal.SIG_BLOCK, [])


_REST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_luci_report.py")
_open = open
start()
