"""Money: what a placement is expected to cost, in whole micro-units, so that parts add up."""
