"""One file a version of the schema, in order of their numbers; what has been released is never edited."""
