"""Walls: what a command may use and reach, and what holds it to that. Nothing here knows what a script is."""
