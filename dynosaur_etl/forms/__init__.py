"""Instruction sets as they are: which form a config has, and the instances that its rows are."""
