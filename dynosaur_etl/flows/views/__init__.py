"""What people look up in the store: read-only queries of a bounded size."""
