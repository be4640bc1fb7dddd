"""Kinds of channels: one folder each, found by its manifest."""
