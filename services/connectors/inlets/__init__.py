"""Where deliveries come in: HTTP and SMTP. Each proves, stores, and only then answers."""
