"""API Gateway (HTTP API, payload 2.0) -> here: the one file of the API that knows Lambda."""

from __future__ import annotations

from mangum import Mangum

from functions.api import snapshot
from functions.api.main import create_app

app = create_app()
handler = Mangum(app, lifespan="off")
snapshot.register()
