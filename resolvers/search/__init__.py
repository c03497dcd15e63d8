"""Search: what can be found is swept live from the sources, ranked in memory, and read live before it is shown."""
