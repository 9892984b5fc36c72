"""What the gateway counts, and its text in the Prometheus exposition format (version 0.0.4)."""

from dataclasses import dataclass, field, fields

HELP = "help"


def _counter(text: str) -> int:
    return field(default=0, metadata={HELP: text, "type": "counter"})


def _gauge(text: str) -> int:
    return field(default=0, metadata={HELP: text, "type": "gauge"})


@dataclass(slots=True)
class Metrics:
    """Numbers since the start of the process (counters) and of this moment (gauges)."""

    devices: int = _gauge("Device connections that are open")
    subscribers: int = _gauge("Subscriber connections that are open")
    blocks_total: int = _counter("Blocks received from devices")
    samples_total: int = _counter("Samples of all leads received from devices")
    rejected_total: int = _counter("Device connections closed for what they sent")
    superseded_total: int = _counter("Device connections closed because a newer one came")
    commits_total: int = _counter("Appends to the sample log that became durable")
    commit_failures_total: int = _counter("Appends to the sample log that failed")
    bytes_in_flight: int = _gauge("Bytes accepted from devices and not yet durable")
    events_total: int = _counter("Events read from the log for subscribers")
    delivered_total: int = _counter("Messages handed to subscribers")
    dropped_total: int = _counter("Waveform messages dropped for slow subscribers")
    slow_total: int = _counter("Subscribers closed because they stayed full")
    commands_total: int = _counter("Commands accepted")
    refused_total: int = _counter("Commands refused before they reached the log")
    unaudited_total: int = _counter("Commands refused of which the audit trail has no line")
    limited_total: int = _counter("Requests refused because a client asked too often")
    not_monitored: int = _gauge("Patients who send and whom no worker analyses")
    analysis_lag_seconds: float = _gauge("How long samples wait for their analysis, at most")
    receivers: int = _gauge("Alarm receivers that are connected or missed")
    undelivered: int = _gauge("Patients of a receiver with an alarm that it did not confirm")

    def text(self) -> str:
        """One metric after the other, each with its help and type."""
        lines = []
        for item in fields(self):
            name = f"beatwire_gateway_{item.name}"
            lines.append(f"# HELP {name} {item.metadata[HELP]}")
            lines.append(f"# TYPE {name} {item.metadata['type']}")
            lines.append(f"{name} {getattr(self, item.name)}")
        return "\n".join(lines) + "\n"
