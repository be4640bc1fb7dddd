"""The tables of leads and every query on them."""
