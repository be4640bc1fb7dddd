"""What this service does, one function per verb."""
