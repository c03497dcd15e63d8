"""Selections of everything a type has, made from the schema: no field can be forgotten."""

from __future__ import annotations

from graphql import (
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

_ARGUMENTS = {"findVersion": '(version: "1")', "versions": "(first: 100)", "runs": "(first: 100)"}
"""What is given to fields that would say nothing without."""
_WAYS_ON = frozenset({"Node", "Entity"})


def everything(schema: GraphQLSchema, name: str, hops: int) -> str:
    """All fields of a type; `hops` links further, as many entities deep."""
    return _fields(schema, schema.type_map[name], hops)


def of_any_kind(schema: GraphQLSchema, hops: int) -> str:
    """All fields of whatever a node may be."""
    return _fields(schema, schema.type_map["Node"], hops)


def _fields(schema: GraphQLSchema, owner: GraphQLNamedType, hops: int) -> str:
    if isinstance(owner, GraphQLInterfaceType | GraphQLUnionType):
        kinds = sorted(schema.get_possible_types(owner), key=lambda kind: kind.name)
        # Under an alias each: fields of one name may differ in whether they may be null.
        return "__typename " + " ".join(f"... on {kind.name} {{ {_fields(schema, kind, hops)} }}" for kind in kinds)
    assert isinstance(owner, GraphQLObjectType)
    parts = ["__typename"]
    for name, field in owner.fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        target = get_named_type(field.type)
        asked = f"{name}{_ARGUMENTS.get(name, '')}"
        if is_leaf_type(target):
            parts.append(asked)
            continue
        left = hops - 1 if _leads_to_an_entity(schema, target) else hops
        if left >= 0 and (inner := _fields(schema, target, left)) != "__typename":
            parts.append(f"{owner.name}_{name}: {asked} {{ {inner} }}")
    return " ".join(parts)


def _leads_to_an_entity(schema: GraphQLSchema, target: GraphQLNamedType) -> bool:
    if target.name in _WAYS_ON:
        return True
    return isinstance(target, GraphQLObjectType) and any(interface.name == "Node" for interface in target.interfaces)
