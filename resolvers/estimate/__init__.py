"""Whom each link field may ask, and for how many keys a parent: what operations are planned and estimated by.

Nothing is asked here: which calls a batch method takes is said by the adapters' own plans.
"""
