"""Answers the graph: the link table, batched loaders, and one adapter per product."""
