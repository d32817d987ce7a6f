"""`puntual train` where the original layout had it: python src/train.py --source scl --data FILE."""

from puntual.cli.train import train

if __name__ == "__main__":
    train()
