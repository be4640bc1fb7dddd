"""Drivers fetch or listen where a vendor does not call us: one leader per channel over all replicas.

A driver is a module named after its transport with `async def drive(inlet: Inlet) -> None`, which runs until
it is cancelled and raises what it cannot help; it is started again, here or elsewhere.
"""
