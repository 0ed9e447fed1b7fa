"""Parts of the page about one customer."""
