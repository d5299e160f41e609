"""What is done to a deployed stack from outside, with the operator's own AWS credentials."""
