"""From a template and a contact to the bytes of a letter."""
