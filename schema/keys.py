"""How other subgraphs of a supergraph name our entities, and which of our types they may define too."""

from __future__ import annotations

from strawberry import UNSET
from strawberry.federation.schema_directives import Inaccessible, Key, Shareable
from strawberry.federation.types import FieldSet

_ID, _REF = FieldSet("id"), FieldSet("ref { source key }")

BY_ID = (Key(fields=_ID, resolvable=UNSET),)
ENTITY = (*BY_ID, Key(fields=_REF, resolvable=UNSET))
"""By our own id, or by what other teams know anyway: the source and its key."""

SHAREABLE = (Shareable(),)
ROUTERS_OWN = (Inaccessible(),)
"""Of fields every subgraph may have for itself, so that the supergraph cannot have them."""
