"""Counting architectures: conditions and requirements as terms over decision elements, and exact counting over them."""
