"""Vectors as integers, their products on the CPU or a GPU, and clusters of them."""
