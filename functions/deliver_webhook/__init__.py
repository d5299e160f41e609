"""Delivers events to the URLs that subscribed to them."""
