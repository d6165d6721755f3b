"""From a selection to a published version."""
