"""Who may do what: principals, their roles, and one table of permissions for REST, WebSocket, gRPC and MQTT."""
