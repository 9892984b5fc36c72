"""Uploaded files over HTTP: receive, hand to the analyser's process, show what it found."""
