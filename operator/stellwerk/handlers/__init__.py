"""The only code that imports kopf: the shell that answers people about the kinds that they write by hand."""
