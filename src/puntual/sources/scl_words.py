"""The words of the Santiago table of 2017: its columns that are known before departure, and what they may hold.

Its operators stand for groups: of one that flies under several codes the airline is not known by its name alone, and
neither is the airport of a city that has several. Every flight of the table leaves from Santiago.
"""

WORDS = ("Fecha-I", "Vlo-I", "Ori-I", "Des-I", "Emp-I", "OPERA", "TIPOVUELO", "MES", "SIGLADES")
ORIGIN = "SCL"
# As `Emp-I` writes them.
AIRLINES: dict[str, tuple[str, ...]] = {
    "Aerolineas Argentinas": ("ARG",),
    "Aeromexico": ("AMX",),
    "Air Canada": ("ACA",),
    "Air France": ("AFR",),
    "Alitalia": ("AZA",),
    "American Airlines": ("AAL",),
    "Austral": ("AUT",),
    "Avianca": ("AVA",),
    "British Airways": ("BAW",),
    "Copa Air": ("CMP",),
    "Delta Air": ("DAL",),
    "Gol Trans": ("GLO",),
    "Grupo LATAM": ("LAN", "TAM", "LAP", "LXP", "LPE", "LNE", "DSM"),
    "Iberia": ("IBE",),
    "JetSmart SPA": ("JAT",),
    "K.L.M.": ("KLM",),
    "Lacsa": ("LRC",),
    "Latin American Wings": ("LAW", "JMR"),
    "Oceanair Linhas Aereas": ("ONE",),
    "Plus Ultra Lineas Aereas": ("PUE",),
    "Qantas Airways": ("QFU",),
    "Sky Airline": ("SKU",),
    "United Airlines": ("UAL",),
}
# Cities with one airport that Santiago has flights to; a city that is not here leaves the destination unknown.
CITIES = {
    "Antofagasta": "ANF", "Arica": "ARI", "Asuncion": "ASU", "Atlanta": "ATL", "Auckland N.Z.": "AKL",
    "Balmaceda": "BBA", "Bariloche": "BRC", "Bogota": "BOG", "Calama": "CJC", "Cancun": "CUN",
    "Castro (Chiloe)": "MHC", "Cataratas Iguacu": "IGU", "Ciudad de Mexico": "MEX", "Ciudad de Panama": "PTY",
    "Concepcion": "CCP", "Copiapo": "CPO", "Cordoba": "COR", "Curitiba, Bra.": "CWB", "Dallas": "DFW",
    "Florianapolis": "FLN", "Guayaquil": "GYE", "Houston": "IAH", "Iquique": "IQQ", "Isla de Pascua": "IPC",
    "La Paz": "LPB", "La Serena": "LSC", "Lima": "LIM", "Londres": "LHR", "Los Angeles": "LAX",
    "Madrid": "MAD", "Mendoza": "MDZ", "Miami": "MIA", "Montevideo": "MVD", "Nueva York": "JFK",
    "Orlando": "MCO", "Osorno": "ZOS", "Paris": "CDG", "Puerto Montt": "PMC", "Puerto Natales": "PNT",
    "Punta Arenas": "PUQ", "Punta Cana": "PUJ", "Quito": "UIO", "Rio de Janeiro": "GIG", "Roma": "FCO",
    "Rosario": "ROS", "Santa Cruz": "VVI", "Sao Paulo": "GRU", "Sydney": "SYD", "Temuco": "ZCO",
    "Toronto": "YYZ", "Valdivia": "ZAL",
}  # fmt: skip
INTERNATIONAL = {"I": 1.0, "N": 0.0}
# Some tools write a column of whole numbers with a point once a cell of it is empty.
MONTHS = {text: month for month in range(1, 13) for text in (str(month), f"{month}.0")}
# What each of these may hold, as a message says it.
EXPECTED = {
    "OPERA": f"one of {', '.join(AIRLINES)}",
    "TIPOVUELO": "I (international) or N (national)",
    "MES": "a month from 1 to 12",
}


def airline_of(operator: str) -> str | None:
    """Give the airline of an operator; None for one that flies under several codes.

    >>> airline_of("Sky Airline"), airline_of("Grupo LATAM")
    ('SKU', None)
    """
    codes = AIRLINES[operator]
    return codes[0] if len(codes) == 1 else None
