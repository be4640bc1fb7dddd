"""`leadwire up`: engines, provisioning, migrations and all services in one process."""
