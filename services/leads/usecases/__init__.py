"""What leads does: one function per verb, each in one unit of work."""
