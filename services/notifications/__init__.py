"""Sequences of messages to contacts: enrolled, rendered, gated, sent once, accounted for."""
