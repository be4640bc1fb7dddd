"""The tables of deals and every query on them."""
