"""Takes every enquiry from every channel and publishes what people did."""
