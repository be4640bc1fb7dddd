"""The built-in mail catcher: takes outgoing letters until a real SMTP server is configured."""
