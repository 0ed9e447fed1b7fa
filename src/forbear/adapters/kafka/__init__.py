"""Kafka: topics, messages, who writes and who reads them. Nothing else imports its driver."""
