"""The pages that show a training set: templates, charts, files, and a server for a folder alone."""
