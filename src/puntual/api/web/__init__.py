"""What browsers are given: the documentation page and what others wrote for it."""
