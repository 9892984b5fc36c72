"""Training of the models: records, inputs from the real rooms, networks, cards."""
