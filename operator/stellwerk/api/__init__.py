"""What is on the wire: the kinds as pydantic models, and everything that is generated from them.

This package is the bottom layer: it imports nothing else of Stellwerk and does no I/O, except for
`generate`, which writes the files that are made from the models.
"""
