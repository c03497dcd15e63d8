"""Documents for tests, made of a few words."""

from __future__ import annotations

from resolvers.search.documents import Document, Field
from schema.identity import EntityKind, Reference


def document(name: str, kind: EntityKind = EntityKind.MODEL, source: str = "studio", **texts: str) -> Document:
    """`texts` by the field's name in small letters."""
    fields = [""] * len(Field)
    fields[Field.NAME] = name
    for field, text in texts.items():
        fields[Field[field.upper()]] = text
    return Document(Reference(kind, source, f"{texts.get('model', '')}{name}"), tuple(fields), (source,))
