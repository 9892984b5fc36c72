"""Beatwire: a real-time ECG monitor. What a user imports stands here.

`Device` streams samples, `Subscriber` yields what was found in them, `replay` streams records;
`Predictor` asks a server for verdicts on measurements, `upload` has a record analysed by it;
`Pipeline` is the engine itself, for those who want it in a process of their own.
"""

from client.device import Device
from client.predict import Predictor
from client.replay import replay
from client.subscriber import Subscriber
from client.upload import upload
from stream.engine.pipeline import Pipeline

__all__ = ["Device", "Pipeline", "Predictor", "Subscriber", "replay", "upload"]
