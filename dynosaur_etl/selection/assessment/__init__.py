"""Measures of any selection, and the report of one."""
