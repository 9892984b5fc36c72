"""What the gateway itself watches, and the alarms that it makes of it. Pure."""

from dataclasses import dataclass, field

from ecg import messages as m
from stream.gateway.delivery import Delivery
from stream.gateway.monitor import Monitor


@dataclass(frozen=True, slots=True)
class Watchdogs:
    """Analysis (NOT_MONITORED) and delivery (DELIVERY_FAIL)."""

    monitor: Monitor = field(default_factory=Monitor)
    delivery: Delivery = field(default_factory=Delivery)

    def tick(self, now: float, wall: float) -> list[tuple[str, m.Alarm]]:
        """The alarms that start or end now, each with the receiver it is about, if any."""
        unseen = [("", alarm) for alarm in self.monitor.tick(now, wall)]
        return unseen + self.delivery.tick(now, wall)

    def standing(self, receiver: str = "") -> list[m.Alarm]:
        """The alarms that stand, for a subscriber who may be a receiver."""
        return [*self.monitor.active, *self.delivery.standing(but=receiver)]

    def standing_of(self, patient: str) -> list[m.Alarm]:
        """The alarms that stand, for a patient's own device."""
        return [alarm for alarm in self.standing() if alarm.patient == patient]
