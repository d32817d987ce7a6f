"""`puntual` with its page left out, to hold against: `python -m benchmarks.without_page serve`."""

from puntual.api.web import routes

routes.ROUTES = ()  # type: ignore[assignment]

if __name__ == "__main__":
    import puntual.api.app as application
    from puntual.cli import main

    application.page_files = lambda: None  # type: ignore[assignment, return-value]
    main()
