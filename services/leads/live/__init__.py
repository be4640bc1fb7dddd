"""Who is calling now, for people who look on."""
