"""Where many scripts take pip's main from."""
# mypy: ignore-errors

from pip import main

__all__ = ["main"]
