"""The worker's image, as it is deployed."""
