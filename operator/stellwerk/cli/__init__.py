"""The command line: `stellwerk`, also found by kubectl as `kubectl stellwerk`.

It sits on top of everything; nothing imports it. Modules import lazily, so that a command
starts in a blink and `stellwerk plan` never loads what only a live cluster needs.
"""
