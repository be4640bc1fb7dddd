"""The whole hub as people run it: a process of its own, real sockets, real engines."""
