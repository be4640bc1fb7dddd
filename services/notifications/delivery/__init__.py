"""Letters on the wire: kept SMTP connections, and a courier that knows what became of each letter."""
