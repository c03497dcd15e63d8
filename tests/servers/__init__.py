"""The real products for the live tests: installed, started on loopback, and seeded through their public APIs."""
