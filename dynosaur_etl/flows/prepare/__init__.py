"""What a selection needs of instances: scores and vectors."""
