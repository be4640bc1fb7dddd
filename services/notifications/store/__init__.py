"""The tables of notifications and every query on them.

Locks are taken in one order everywhere: contacts, addresses, enrolments, messages; each in order of id.
"""
