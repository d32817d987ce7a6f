"""`puntual predict` where the original layout had it: python src/predict.py FLIGHTS.csv -o OUT.csv."""

import sys

from puntual.cli import main

if __name__ == "__main__":
    main(["predict", *sys.argv[1:]], prog_name="puntual")
