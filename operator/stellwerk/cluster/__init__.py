"""The only code that talks to a Kubernetes API: session, reflectors, writer and elector."""
