"""The HTTP API: FastAPI behind Lambda or uvicorn, one application for both."""

VERSION = "0.1.0"
"""The product's version; a test holds it to pyproject.toml's."""
