"""What one database does in another way than the others: a module a dialect, each a `base.Dialect`."""
