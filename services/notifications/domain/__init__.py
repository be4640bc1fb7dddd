"""The rules of sequences, pure: no clock, no network, no framework."""
