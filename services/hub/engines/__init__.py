"""The engines that a hub carries with it: a real NATS server and a real PostgreSQL, as child processes."""
