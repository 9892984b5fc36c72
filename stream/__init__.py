"""The server: engine, log, gateway and worker."""
