"""The tables of connectors and every query on them."""
