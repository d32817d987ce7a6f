"""How the service speaks HTTP: the gateway before the framework, the connections, and the process they run in."""
