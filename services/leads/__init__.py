"""Leads: who is asking, what they asked so far, and which enquiry is worth working."""
