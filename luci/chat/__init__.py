"""Talking: what a person asks, what a model answers, and what is done about it with leave."""
