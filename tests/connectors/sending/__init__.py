"""Messages that leave, against vendors over real sockets."""
