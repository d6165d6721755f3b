"""The mode `graph`: each point sees its nearest neighbours only."""
