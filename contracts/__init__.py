"""What crosses the wire: facts, commands and their CloudEvents envelope. Imports pydantic only."""
