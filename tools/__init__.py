"""Scripts behind the Makefile: install, lock, generate, verify, and what has gone stale."""
