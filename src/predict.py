"""`puntual predict` where the original layout had it: python src/predict.py FLIGHTS.csv -o OUT.csv."""

from puntual.cli.predict import predict

if __name__ == "__main__":
    predict()
