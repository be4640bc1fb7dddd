"""Short messages as SMPP 3.4 carries them: units of bytes, their texts, the parts of long ones."""
