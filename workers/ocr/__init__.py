"""Reading documents: pages in, words with boxes and confidences out."""
