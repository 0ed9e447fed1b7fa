"""What an independent reader asks of a model: by part of the book, under other data, under other inputs, and a verdict."""
