"""The store: checkpoints, alarm books, outbox and history, in SQLite or by URL."""

from stream.store.books import Bed, pack_book, unpack_book
from stream.store.history import History
from stream.store.store import Store
from stream.store.transaction import Transaction
from stream.store.types import (
    Admission,
    AlarmFilter,
    Audit,
    Burden,
    Checkpoint,
    Feedback,
    FeedbackFilter,
    Fenced,
    Keep,
    Loaded,
    Pending,
    StoreError,
    StoreTooNew,
    Trend,
)

__all__ = [
    "Admission",
    "AlarmFilter",
    "Audit",
    "Bed",
    "Burden",
    "Checkpoint",
    "Feedback",
    "FeedbackFilter",
    "Fenced",
    "History",
    "Keep",
    "Loaded",
    "Pending",
    "Store",
    "StoreError",
    "StoreTooNew",
    "Transaction",
    "Trend",
    "pack_book",
    "unpack_book",
]
