"""What a selection is asked for: specification, ground set, objective, state and result."""
