"""Drivers against real peers over real sockets."""
