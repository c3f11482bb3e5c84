"""Dated tables that come with Stellwerk; `python -m tools.builtin_prices` writes them."""
