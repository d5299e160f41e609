"""What runs the product: migrations, the one-machine stack, the command line, samples."""
