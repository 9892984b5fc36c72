"""Readers of record files, one module per format; `client.records` picks the right one."""
