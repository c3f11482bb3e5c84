"""The values that decisions are made of: frozen, typed, without I/O and without a clock.

Everything here is a `msgspec.Struct`: cheap to keep by the ten thousand, comparable, and written to
JSON byte for byte the same, which is what makes two equal plans equal.
"""
