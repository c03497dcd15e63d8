"""Reads filters with MLflow's own parser: run by the Python of the test servers, one JSON line in, one out."""

from __future__ import annotations

import json
import sys

from mlflow.utils.search_utils import (  # type: ignore[import-not-found] # of the server's own environment
    SearchModelUtils,
    SearchModelVersionUtils,
    SearchUtils,
)

PARSERS = {
    "models": SearchModelUtils.parse_search_filter,
    "versions": SearchModelVersionUtils.parse_search_filter,
    "runs": SearchUtils.parse_search_filter,
}

for line in sys.stdin:
    of, text = json.loads(line)
    try:
        clauses = PARSERS[of](text)
        answer = [[clause[part] for part in ("type", "key", "comparator", "value")] for clause in clauses]
    except Exception as error:  # whatever it says, the filter was refused
        answer = [[type(error).__name__]]
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
