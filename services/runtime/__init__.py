"""The technical floor every service stands on. Not a word of customers in here."""
