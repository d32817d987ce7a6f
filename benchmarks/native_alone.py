"""`puntual serve` without the outside protocols, to see what they cost `POST /predict`: nothing, it should be.

python -m benchmarks.native_alone serve --port 8000
"""

from puntual.api import amadeus, app
from puntual.api.invocations import routes as invocations
from puntual.cli import main

if __name__ == "__main__":
    amadeus.ROUTES = invocations.ROUTES = ()
    app._ANSWER_BY_PATH.clear()
    main()
