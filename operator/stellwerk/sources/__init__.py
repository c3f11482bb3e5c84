"""Outside data behind small protocols, each with its age."""
