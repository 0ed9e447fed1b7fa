"""One file a page: `show` draws it for whoever is logged in."""
