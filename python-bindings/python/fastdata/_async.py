"""Scans in event loops: waiting is done by threads, which hold no interpreter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastdata import Batch, Batches, DataFrame


async def next_batch(batches: Batches) -> Batch:
    try:
        batch = await asyncio.to_thread(next, batches, None)
    except asyncio.CancelledError:
        batches.close()
        raise
    if batch is None:
        raise StopAsyncIteration
    return batch


async def collect(batches: Batches) -> DataFrame:
    try:
        return await asyncio.to_thread(batches.collect)
    except asyncio.CancelledError:
        batches.close()
        raise
