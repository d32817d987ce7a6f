"""One file per kind of feature; `vector` puts them in order."""
