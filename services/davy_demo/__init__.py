"""`davy demo`: a simulated mine and every service in one process, over real sockets, with embedded broker and cache."""
