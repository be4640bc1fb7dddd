"""Reading mail as it really comes: pure, lenient, and never fooled into crashing."""
