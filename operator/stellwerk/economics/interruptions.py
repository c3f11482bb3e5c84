"""How often a spot node is taken away: what was declared, corrected by what was seen."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Final

from stellwerk.api.money import MICRO

PRIOR_NODE_HOURS: Final = 100
"""So many node-hours of watching a declared rate is worth: after as many of our own, both count the same."""

JEFFREYS_SHAPE: Final = Fraction(1, 2)
"""Of the prior where no rate is declared: Jeffreys' prior for a Poisson rate, Gamma(1/2, 0)."""


def posterior_rate(declared: Decimal | None, seen: int, node_hours: Fraction) -> Decimal | None:
    """Return the expected interruptions of one node in one hour, None if nothing is known.

    Interruptions are taken for a Poisson process of constant rate, for which the gamma distribution is the conjugate
    prior: Gamma(a, b) and `seen` events in `node_hours` give Gamma(a + seen, b + node_hours), with the mean
    (a + seen) / (b + node_hours). Source: A. Gelman et al., "Bayesian Data Analysis", 3rd edition, section 2.6.
    With a declared rate r, a = r x 100 and b = 100 (`PRIOR_NODE_HOURS`). Without one, a = 1/2 and b = 0: as long as
    little was watched the rate is high, never zero, and without any watching it is unknown.

    Args:
        declared: Interruptions per node and hour that somebody stated, None if nobody did.
        seen: Interruptions that were seen.
        node_hours: How long nodes were watched, all together, in hours.
    """
    if declared is None and node_hours <= 0:
        return None
    shape = JEFFREYS_SHAPE if declared is None else Fraction(declared) * PRIOR_NODE_HOURS
    exposure = Fraction(0 if declared is None else PRIOR_NODE_HOURS)
    mean = (shape + seen) / (exposure + node_hours)
    return (Decimal(mean.numerator) / Decimal(mean.denominator)).quantize(MICRO, rounding=ROUND_HALF_EVEN)
