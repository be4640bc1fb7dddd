"""What this service does, one function per verb, each inside one unit of work."""
