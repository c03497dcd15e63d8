"""Fills the real products of compose.yaml with the demo's story, through their public APIs."""
