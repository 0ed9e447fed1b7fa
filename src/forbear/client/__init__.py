"""The HTTP client, and what goes over the wire: the shapes that the server answers with are these."""
