"""Pure: what nodes cost, and on whose account each second of that is."""
