"""How well search finds what people look for."""
