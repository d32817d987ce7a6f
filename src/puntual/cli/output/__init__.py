"""What people see in a terminal: tables, bars of progress and messages; plain JSON where a program reads."""
