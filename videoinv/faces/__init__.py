"""Faces: detect, landmarks, align, embed, attributes."""
