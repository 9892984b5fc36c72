"""Beatwire: a real-time ECG monitor. What a user imports stands here.

`Device` streams samples, `Subscriber` yields what was found in them, `replay` streams records.
"""

from client.device import Device
from client.replay import replay
from client.subscriber import Subscriber

__all__ = ["Device", "Subscriber", "replay"]
