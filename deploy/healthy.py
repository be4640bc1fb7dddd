"""The health check of every image: exit code 0 when /readyz says 200. Light, for it runs often."""

import os
import socket
import sys

port = int(os.environ.get("LEADWIRE_PORT", "8080"))
with socket.create_connection(("127.0.0.1", port), 3) as connection:
    connection.settimeout(3)
    connection.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
    answer = connection.recv(64)
sys.exit(b" 200 " not in answer)
