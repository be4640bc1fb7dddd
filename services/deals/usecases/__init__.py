"""What deals does: one function per verb, one unit of work each."""
