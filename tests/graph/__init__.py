"""Whole questions asked of a whole gateway over the demo's servers."""
