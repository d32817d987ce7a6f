"""`python -m puntual.cli`."""

from puntual.cli import main

main()
