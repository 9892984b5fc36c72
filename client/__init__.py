"""Client side: device and subscriber SDK, record replay, simulator, dashboard."""
