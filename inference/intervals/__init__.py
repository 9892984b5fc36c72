"""A verdict on one person's measurements: inputs, features and classifier."""
