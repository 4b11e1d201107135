"""Cells with a large output, and the limits that such an output meets."""

from __future__ import annotations

MB = 1_000_000
PRINTED, LINE = 8 * MB, 20_000
PRINTS = f"for _ in range({PRINTED // LINE}): print('x' * {LINE - 1}, flush=True)"
SHOWN = 16 * MB
SHOWS = f"display({{'text/plain': 'x' * {SHOWN}}}, raw=True)"
BINARY = f"""\
from comm import create_comm
import hashlib, os
data = os.urandom({SHOWN})
create_comm(target_name='hublab', buffers=[data])
print(hashlib.sha256(data).hexdigest(), end='')
"""
"""A comm with a buffer, as a widget with a picture opens it; prints what was in it."""
DATA_LIMIT = "server.ZMQChannelsWebsocketConnection.iopub_data_rate_limit"
EXCEEDED = "IOPub data rate exceeded"
"""What a cell's page is told then (jupyter_server, services/kernels/connection/channels.py)."""
