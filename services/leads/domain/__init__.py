"""Rules about people and their enquiries; no database, bus or web framework in here."""
