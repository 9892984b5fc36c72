"""The log on Kafka: any number of machines write and read it.

`connection` says how to reach a cluster, `topics` makes what lies there, `writer` and `reader` are
the two directions, `log` puts them together. Nothing outside of this package imports aiokafka.
"""

from stream.log.kafka.connection import Connection, connection_of
from stream.log.kafka.log import KafkaLog

__all__ = ["Connection", "KafkaLog", "connection_of"]
