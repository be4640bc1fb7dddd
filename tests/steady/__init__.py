"""How the whole behaves over time: at rest, under a steady load, and while its database is away."""
