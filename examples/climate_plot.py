"""Plot a year of made-up weather, with its trend, into a file.

    luci run examples/climate_plot.py                    writes climate.png here
    luci run examples/climate_plot.py /tmp/climate.svg   the suffix chooses the format

Nothing is shown on a screen, so it runs on a server, too.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np


def main() -> None:
    file = Path(sys.argv[1] if len(sys.argv) > 1 else "climate.png").expanduser()
    days = np.arange(365)
    warmth = weather(days)
    smooth = np.convolve(np.pad(warmth, 15, mode="wrap"), np.ones(31) / 31, mode="valid")
    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    axes.scatter(days, warmth, c=warmth, cmap="coolwarm", s=9, label="each day")
    axes.plot(days, smooth, color="black", linewidth=1.8, label="mean of 31 days")
    warmest = int(smooth.argmax())
    note = {"arrowstyle": "->"}
    axes.annotate("high summer", (warmest, smooth[warmest]), (warmest - 110, smooth[warmest] + 4), arrowprops=note)
    axes.set(title="A year of weather", xlabel="day of the year", ylabel="°C", xlim=(0, 364))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)
    print(f"{file}: coldest {warmth.min():.1f} °C, warmest {warmth.max():.1f} °C, mean {warmth.mean():.1f} °C")


def weather(days: np.ndarray) -> np.ndarray:
    """Return a temperature for each day: the seasons, and what changes from day to day."""
    random = np.random.default_rng(1)
    seasons = 10 - 9 * np.cos(2 * np.pi * (days - 15) / 365)
    return seasons + np.convolve(random.normal(0, 3, days.size + 2), [0.5, 0.3, 0.2], mode="valid")


if __name__ == "__main__":
    main()
