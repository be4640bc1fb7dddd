"""The folder people keep: read, checked as one, compared with what is active, and made active."""
