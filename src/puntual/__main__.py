"""`python -m puntual`."""

from puntual.cli import main

main()
