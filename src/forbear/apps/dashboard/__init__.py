"""The dashboard: pages for people over the HTTP interface, with the key or login of whoever looks."""
