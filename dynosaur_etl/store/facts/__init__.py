"""What the tables hold, read as frozen data: a module a table, or a few that belong together.

Each function takes the engine and opens one `reading` block; none writes. Codes of reasons, stages
and steps are read as they stand, as a store may hold those of another version of the product.
"""
