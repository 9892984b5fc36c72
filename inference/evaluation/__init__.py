"""Scoring of annotations and alarms against reference annotations, by ANSI/AAMI EC57's method."""
