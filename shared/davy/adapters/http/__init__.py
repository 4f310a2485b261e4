"""HTTP: the application shell of every service, error responses, clients."""
