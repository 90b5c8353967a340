"""A backend for matplotlib that opens no window: what would be shown is written down, for luci to offer.

A copy is in every environment; a run in luci's app names it in MPLBACKEND, and the folder in LUCI_FIGURES.
"""
# mypy: ignore-errors
# ruff: noqa: UP032
# This file is data, as _luci_hook.py is.

import os

from matplotlib._pylab_helpers import Gcf
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg


class FigureManager(FigureManagerBase):
    def show(self):
        _write(self)


class FigureCanvas(FigureCanvasAgg):
    manager_class = FigureManager


def show(*args, **kwargs):
    """Write every open figure and close it, as the person would after a look."""
    for manager in Gcf.get_all_fig_managers():
        _write(manager)
    Gcf.destroy_all()


def _write(manager):
    folder = os.environ.get("LUCI_FIGURES")
    if folder and os.path.isdir(folder):
        number = 1 + len(os.listdir(folder))
        manager.canvas.figure.savefig(os.path.join(folder, "figure-{}.png".format(number)))
