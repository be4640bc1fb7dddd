"""How large a folder of definitions may be: enough for years of work, and one message on the bus."""

FILES = 500
FILE_BYTES = 256 * 1024
FOLDER_BYTES = 1024 * 1024
SET_BYTES = 1_000_000
DEPTH = 40
VALUES = 50_000
