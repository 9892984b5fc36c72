"""The gateway: all network I/O with devices and people; it keeps no state that matters."""
