"""Training of the interval classifier: table, teacher, pupil, figures, card."""
