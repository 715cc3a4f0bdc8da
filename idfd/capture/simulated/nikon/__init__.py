"""A Nikon body made of software: it answers PTP/IP, so that the true driver can talk to it."""
