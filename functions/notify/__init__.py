"""Notifications into inboxes and on to other channels; events to who subscribed to them."""
