"""Which countries the jurisdictions of a policy stand for."""

from __future__ import annotations

from typing import Final

EU: Final = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"}
    | {"IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
)
"""Members of the European Union, ISO 3166-1 alpha-2."""

EEA: Final = EU | {"IS", "LI", "NO"}
"""Members of the European Economic Area."""

_UNIONS: Final = {"EU": EU, "EEA": EEA}


def countries(jurisdictions: tuple[str, ...]) -> frozenset[str]:
    """Return the countries that a policy's jurisdictions stand for, unions resolved."""
    nobody: frozenset[str] = frozenset()
    return nobody.union(*(_UNIONS.get(code, frozenset({code})) for code in jurisdictions))
