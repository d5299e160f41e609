"""An upload landed in the documents bucket: its document is accepted and queued."""
