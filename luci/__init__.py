"""luci runs a Python script in the right environment, at once, and says why."""

__version__ = "0.1.0"
