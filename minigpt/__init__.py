"""Build a small GPT-2, look inside it, train it: the companion package of the course."""
