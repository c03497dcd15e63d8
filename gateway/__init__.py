"""Serves the graph: endpoint, settings, the command line, the demo."""
