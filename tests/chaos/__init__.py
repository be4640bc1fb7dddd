"""Everything is broken on purpose under load, and a ledger compares what was promised with what was done."""
