"""The log on Kafka: any number of machines write and read it.

`connection` says how to reach a cluster, `topics` makes what lies there, `writer` and `reader` are
the two directions, `log` puts them together, `group` shares partitions out. Nothing else of the server imports aiokafka.
"""

from stream.log.kafka.connection import Connection, connection_of
from stream.log.kafka.group import Group
from stream.log.kafka.log import KafkaLog

__all__ = ["Connection", "Group", "KafkaLog", "connection_of"]
