"""The PostgreSQL of the journal's tests, for services that share one."""

from operations.conftest import postgresql, postgresql_server

__all__ = ["postgresql", "postgresql_server"]
