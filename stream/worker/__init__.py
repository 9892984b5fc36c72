"""The worker: polls the log, pushes to the engine, publishes events, commits the store."""
