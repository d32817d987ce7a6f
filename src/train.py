"""`puntual train` where the original layout had it: python src/train.py --source scl --data FILE."""

import sys

from puntual.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]], prog_name="puntual")
