"""One script, from source to exit code."""
