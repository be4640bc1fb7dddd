"""Drivers whose leader is killed again and again while something flows."""
