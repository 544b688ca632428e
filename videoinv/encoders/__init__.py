"""Inversion systems, one file each, behind one protocol."""
