"""The documents of a validation: the pack, as a page and as JSON, and the model card, as a page and as Markdown."""
