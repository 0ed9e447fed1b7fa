"""Parts of the page on which people work: cases, promises, and what was decided."""
