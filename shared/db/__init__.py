"""The database: engines, and the unit of work that commits first and publishes after."""
