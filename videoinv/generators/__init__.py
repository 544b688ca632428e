"""Generators, one file each, behind one protocol."""
