"""The verbs of the `leadwire` command, one module for each noun."""
