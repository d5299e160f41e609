"""What is found in documents that have been read: the fields of invoices and receipts."""
