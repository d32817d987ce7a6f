"""The steps from each release's journal to the next, run by Alembic."""
