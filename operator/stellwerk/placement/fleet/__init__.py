"""All pools of a cycle as planning sees them: nodes there and yet to come, who is on them, what room costs others."""
