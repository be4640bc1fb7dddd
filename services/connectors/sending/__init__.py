"""Messages that leave through channels: who carries them, and what became of each."""
