"""Writes the reference pages from the code itself: `python -m docs.generator`."""
