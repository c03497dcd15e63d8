"""A generated company, and small servers that speak the real products' protocols over it."""
