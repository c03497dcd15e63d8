"""What each endpoint of Unleash shows of a flag; none shows all of it."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.demo.unleash_flags import Flag, Row


def client_row(flag: Flag) -> Row:
    """For SDKs: strategies with variants; no tags, no dates, no person."""
    return {"name": flag.name, **common(flag), "enabled": flag.enabled, "strategies": flag.strategies, "variants": []}


def search_row(flag: Flag, tags: frozenset[tuple[str, str]], environments: Sequence[str], ours: str) -> Row:
    """For the overview: tags, dates, person, lifecycle; no variants. `environments` are those left by a filter."""
    row: Row = {
        **common(flag),
        "favorite": False,
        "name": flag.name,
        "createdAt": flag.created,
        "archivedAt": flag.archived,
        "lastSeenAt": None,
        "dependencyType": None,
        "environments": [
            {
                **environment_row(flag, name, ours),
                "variantCount": 0,
                "hasStrategies": name == ours and bool(flag.strategies),
                "hasEnabledStrategies": name == ours and bool(flag.strategies),
                "changeRequestIds": [],
            }
            for name in environments
        ],
        "segments": [],
        "createdBy": flag.creator,
        "lifecycle": flag.lifecycle,
    }
    if tags:  # the property is missing, not empty, where a flag has none
        row["tags"] = [{"value": value, "type": kind, "color": None} for kind, value in sorted(tags)]
    return row


def feature_row(flag: Flag, environments: Sequence[str], ours: str) -> Row:
    """One flag with the strategies of every environment, and still without its tags."""
    return {
        "environments": [
            {**environment_row(flag, name, ours), "strategies": strategies(flag) if name == ours else []}
            for name in environments
        ],
        "name": flag.name,
        **common(flag),
        "createdAt": flag.created,
        "createdBy": flag.creator,
        "lastSeenAt": None,
        "variants": [],
        "archived": False,
        "dependencies": [],
        "children": [],
        "lifecycle": flag.lifecycle,
        "links": [],
    }


def export_rows(flags: Sequence[Flag], environment: str, environments: Sequence[str], ours: str) -> Row:
    """Flags, strategies, states and tags as tables of their own; only here is an archived flag shown whole."""
    placed = flags if environment in environments else []
    kinds = sorted({kind for flag in flags for kind, _ in flag.tags})
    return {
        "features": [{"name": f.name, **common(f), "archived": f.archived is not None} for f in flags],
        "featureStrategies": [
            {**row, "featureName": f.name} for f in placed if environment == ours for row in strategies(f)
        ],
        "featureEnvironments": [
            {
                "enabled": f.enabled and environment == ours,
                "featureName": f.name,
                "environment": environment,
                "variants": [],
                "name": f.name,
            }
            for f in placed
        ],
        "contextFields": [],
        "featureTags": [{"featureName": f.name, "tagType": t, "tagValue": v} for f in flags for t, v in sorted(f.tags)],
        "segments": [],
        "tagTypes": [{"name": kind, "description": "", "icon": None, "color": None} for kind in kinds],
        "dependencies": [],
        "links": [],
    }


def common(flag: Flag) -> Row:
    return {
        "type": flag.type,
        "description": flag.description,
        "project": flag.project,
        "stale": False,
        "impressionData": False,
    }


def environment_row(flag: Flag, name: str, ours: str) -> Row:
    return {
        "name": name,
        "lastSeenAt": None,
        "enabled": name == ours and flag.enabled,
        "yes": 0,
        "no": 0,
        "type": "production" if name == "production" else "development",
        "sortOrder": 3 if name == "production" else 2,
    }


def strategies(flag: Flag) -> list[Row]:
    """As the admin side shows them; SDKs get no ids and no titles."""
    return [
        {**row, "id": f"{flag.name}/{index}", "title": None, "disabled": False, "segments": []}
        for index, row in enumerate(flag.strategies)
    ]
