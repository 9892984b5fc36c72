"""What ends a device or a subscription before its time."""

from ecg import messages as m


class RefusedError(Exception):
    """The gateway will not take this device or subscriber, and trying again would not help.

    Attributes:
        problem: why, as the gateway said it.
    """

    def __init__(self, problem: m.Problem) -> None:
        super().__init__(f"{problem.code}: {problem.text}")
        self.problem = problem


class UndeliveredError(Exception):
    """The device was closed before everything, GOODBYE included, was acknowledged.

    Attributes:
        blocks: how many were not.
    """

    def __init__(self, blocks: int) -> None:
        super().__init__(f"closed with {blocks} blocks unacknowledged")
        self.blocks = blocks
