"""Who gets a bed: the store decides, since patients of other workers may want it at the same moment.

A gateway looks into the store before it takes an admission, but two of them may look at once. So the
worker claims the bed before it carries the admission out; the commit that puts the patient there gives
the claim back.
"""

from ecg.messages import Admit, Command
from stream.store import Store


def occupied(store: Store, partition: int, epoch: int, command: Command) -> str:
    """Who else has the bed of an admission, in words for people; empty if the command may be carried out.

    Raises:
        Fenced: another worker owns the partition.
    """
    if not isinstance(command, Admit) or not command.location.bed:
        return ""
    with store.transaction(partition, epoch) as tx:
        holder = tx.claim_bed(command.patient, command.location)
    return f"{holder} lies in {command.location}" if holder else ""
