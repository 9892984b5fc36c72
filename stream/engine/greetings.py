"""What the HELLO of a session says of its patient, until the session's first block opens it."""

from ecg.messages import Hello, Patient


class Greetings:
    """The last HELLO of each patient that has not been used."""

    def __init__(self) -> None:
        self._said: dict[str, Hello] = {}

    def keep(self, hello: Hello) -> None:
        """A device has greeted; an older HELLO for the patient counts no more."""
        self._said[hello.patient.id] = hello

    def take(self, patient: str, session: str) -> Patient | None:
        """What this session's HELLO said of the patient, once; None where there was none."""
        hello = self._said.get(patient)
        if hello is None or hello.session != session:
            return None
        return self._said.pop(patient).patient

    def waiting(self, patient: str) -> Hello | None:
        """The HELLO that waits for its session's first block."""
        return self._said.get(patient)

    def forget(self, patient: str) -> None:
        """The patient is gone."""
        self._said.pop(patient, None)
