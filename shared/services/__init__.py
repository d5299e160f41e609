"""The use cases both lanes call. They know tables and contracts, and the outside world only by its adapters."""
