"""Environments, named by what is in them."""
