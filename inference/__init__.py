"""Beat models: bundles, classifier, features, training, evaluation."""
