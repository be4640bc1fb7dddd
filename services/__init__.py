"""The services; each deploys on its own and imports no other."""
