"""A whole simulated mine in one process: every service over real sockets, with an embedded broker and store."""
