"""The processes of the production path: each a loop between Kafka, the store and its own memory."""
