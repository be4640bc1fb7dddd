"""What people who write kinds work with: recorded deliveries, maturity, and the start of a new kind."""
