"""The all-in-one hub, its control API and the `leadwire` command: what may know several services."""
