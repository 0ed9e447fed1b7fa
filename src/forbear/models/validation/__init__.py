"""What an independent reader asks of a model: parts of the book, other data, other inputs, and a verdict."""
