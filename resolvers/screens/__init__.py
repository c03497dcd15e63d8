"""Sources as one caller sees them: what an adapter answers, without the rows of domains this caller may not see.

A row kept back is as if it were not there: no key finds it, no reverse look-up holds it, and pages pass over it. For
that it is read, and with it what says its domain: the model of a version, the pipeline of a run.
"""
