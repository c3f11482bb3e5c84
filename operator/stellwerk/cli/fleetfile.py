"""Read a fleet file: check it field by field, and tell every problem with its line."""

from __future__ import annotations

from pydantic import ValidationError

from stellwerk.api.field_error import Keys
from stellwerk.api.labels import API_VERSION
from stellwerk.cli.collect import Collection, check_part
from stellwerk.cli.fleetmodel import Fleet
from stellwerk.cli.manifests import Document
from stellwerk.cli.problems import BadInputError, Problem

_WORDS = {
    "extra_forbidden": "is no field of a fleet file",
    "missing": "is required",
}


def choose(given: list[Document], among: Collection, problems: list[Problem]) -> Document:
    """Return the one fleet to plan on: that of `--fleet`, else the one among the manifests.

    Raises:
        BadInputError: with `problems` too: there is none, it is something else, or there are several.
    """
    if strange := [problem for document in given for problem in _strange(document)]:
        raise BadInputError([*problems, *strange])
    fleets = given or among.fleets
    if not fleets:
        missing = Problem("--fleet", 0, "", "name a fleet file, or put one among the manifests")
        raise BadInputError(problems or [missing])
    if len(fleets) > 1:
        first = fleets[0]
        message = f"a second fleet; the first one is {first.file}:{first.line}. Choose one by --fleet"
        raise BadInputError([*problems, *(document.problem((), message) for document in fleets[1:])])
    return fleets[0]


def _strange(document: Document) -> list[Problem]:
    kind, version = document.value.get("kind"), document.value.get("apiVersion")
    problems = [document.problem(("kind",), f"must be Fleet, not {kind}")] if kind != "Fleet" else []
    if version != API_VERSION:
        problems.append(document.problem(("apiVersion",), f"must be {API_VERSION}"))
    return problems


def parse(document: Document, problems: list[Problem]) -> Fleet:
    """Return the fleet of a document; an empty one, with what is wrong added to `problems`, if it is none."""
    try:
        fleet = Fleet.model_validate(document.value)
    except ValidationError as error:
        problems += [_problem(document, one["loc"], one["type"], one["msg"]) for one in error.errors()]
        problems += _specs(document)
        return Fleet(api_version="stellwerk.dev/v1alpha1", kind="Fleet")
    problems += _twice(document, fleet)
    return fleet


def _specs(document: Document) -> list[Problem]:
    """Check the specs of a file that is wrong elsewhere, so that one run tells everything."""
    problems: list[Problem] = []
    for part, kind in (("pools", "ComputePool"), ("policies", "PlacementPolicy")):
        entries = document.value.get(part)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and isinstance(entry.get("spec"), dict):
                problems += check_part(document, kind, "unnamed", (part, index, "spec"))[1]
    return problems


def _problem(document: Document, loc: tuple[str | int, ...], kind: str, message: str) -> Problem:
    said = _WORDS.get(kind) or message.removeprefix("Value error, ")
    return document.problem(_keys(document, loc), said[:1].lower() + said[1:])


def _keys(document: Document, loc: tuple[str | int, ...]) -> Keys:
    """Drop the steps that pydantic adds for the branches of a union: they are no field of the file."""
    keys: list[str | int] = []
    value: object = document.value
    for step in loc:
        if isinstance(value, dict):
            if step not in value and step in {"int", "str", "[key]"}:
                continue
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step] if step < len(value) else None
        elif step in {"int", "str", "[key]"} or str(step).startswith(("function-", "constrained-")):
            continue
        keys.append(step)
    return tuple(keys)


def _twice(document: Document, fleet: Fleet) -> list[Problem]:
    parts = {
        "pools": [one.metadata.name for one in fleet.pools],
        "policies": [one.metadata.name for one in fleet.policies],
        "namespaces": [one.metadata.name for one in fleet.namespaces],
        "runtimeClasses": [one.metadata.name for one in fleet.runtime_classes],
    }
    return [
        document.problem((part, index, "metadata", "name"), f"{name} appears twice in {part}")
        for part, names in parts.items()
        for index, name in enumerate(names)
        if name in names[:index]
    ]
