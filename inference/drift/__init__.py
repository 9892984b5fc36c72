"""Drift of what a model sees against what it was trained on."""
