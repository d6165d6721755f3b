"""From examined configs to valid tasks."""
