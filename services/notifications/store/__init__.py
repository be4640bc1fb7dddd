"""The tables of notifications and every query on them.

Locks are taken in one order everywhere: addresses, contacts, enrolments, messages; each in
order of id.
"""
