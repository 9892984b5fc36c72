"""Uploaded files: unpack, read, analyse by the stream's engine, write the result beside them.

Runs as a process of its own (`python -m stream.files`), started by the gateway, which reads no file
and runs no engine itself.
"""
