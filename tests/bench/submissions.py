"""How many documents one API process takes in a second; nobody reads them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import count

import httpx
from PIL import Image

from tests.bench.bench import Api

CLIENTS = 8
DOCUMENTS = 400


def measure(api: Api) -> Callable[[], float]:
    """Return a measure: documents a second, each a new one, by clients that keep their connections open."""
    numbers = count()

    def taken_per_second() -> float:
        return DOCUMENTS / queue(api, DOCUMENTS, numbers)

    return taken_per_second


def queue(api: Api, documents: int, numbers: count[int] | None = None) -> float:
    """Send so many documents, each a new one; return the seconds it took."""
    image = BytesIO()
    Image.new("L", (100, 100), 255).save(image, format="PNG")
    share, counted = documents // CLIENTS, numbers or count()
    with ThreadPoolExecutor(CLIENTS) as pool:
        ready = threading.Barrier(CLIENTS + 1)
        clients = [pool.submit(_send, api, image.getvalue(), share, ready, counted) for _ in range(CLIENTS)]
        ready.wait()
        began = time.perf_counter()
        for client in clients:
            client.result()
        return time.perf_counter() - began


def _send(api: Api, image: bytes, share: int, ready: threading.Barrier, numbers: count[int]) -> None:
    """Send one client's share. What follows a PNG's end is not looked at and makes each a document of its own."""
    with httpx.Client(base_url=api.stack.url, headers=api.client.headers, timeout=30) as client:
        client.get("/health/live").raise_for_status()
        ready.wait()
        for _ in range(share):
            files = {"file": ("small.png", image + str(next(numbers)).encode())}
            client.post("/v1/documents", files=files, data={"engine": "tesseract"}).raise_for_status()
