# The service as an image: `make image` builds it, docs/guide/image.md says how it is run. The last stage is the service;
# `make image TARGET=scale` builds what trains on many machines, docs/guide/deploy.md says how.
# By digest for builds that must be the same next year: --build-arg PYTHON=docker.io/library/python@sha256:…
ARG PYTHON=docker.io/library/python:3.11-slim

FROM ${PYTHON} AS build
# Symbols for debuggers are a sixth of what the libraries weigh. The compiler of the package's kernels, and binutils,
# leave with this stage.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY requirements/build.txt requirements/image.txt requirements/
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && python -m venv --without-pip /opt/puntual \
 && /opt/build/bin/pip --python /opt/puntual install --no-cache-dir --no-compile --require-hashes \
      --only-binary :all: -r requirements/image.txt
COPY deploy/image deploy/image
RUN python deploy/image/slim.py /opt/puntual
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY stress stress
COPY src src
# The same place for bytecode here and in the image: the base image comes without that of the standard library, and
# a root that cannot be written to would have it compiled again at each start.
ENV PYTHONPYCACHEPREFIX=/opt/puntual/bytecode
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/build/bin/pip --python /opt/puntual install --no-cache-dir --no-compile --no-deps /wheels/*.whl \
 && rm -rf /opt/puntual/bytecode \
 && /opt/puntual/bin/python deploy/image/precompile.py \
 && install --directory --owner 10001 --group 10001 --mode 1777 /root-fs/state
# A registry to bake the champion of into the image: `models`, or none.
ARG MODEL=""
COPY models models
RUN /opt/puntual/bin/python -B deploy/image/bake.py "${MODEL}" /models

# What the scheduler, the workers and the client of a run hold: all that trains, and Dask.
FROM build AS scale-build
COPY requirements/scale.txt requirements/
# Beside each module: workers start often, and import more than serving does.
ENV PYTHONPYCACHEPREFIX=
# As wheels first, since one library comes as source alone. What OpenMP needs is in no library, and in no slim base.
RUN python -m venv --without-pip /opt/scale \
 && /opt/build/bin/pip wheel --no-cache-dir --no-deps --require-hashes --no-build-isolation \
      --wheel-dir /wheels/scale -r requirements/scale.txt \
 && /opt/build/bin/pip --python /opt/scale install --no-cache-dir --no-deps --no-index \
      /wheels/scale/*.whl /wheels/*.whl \
 && cp --dereference /usr/lib/*/libgomp.so.1 /opt/scale/lib/

FROM ${PYTHON} AS scale
COPY --from=scale-build /opt/scale /opt/scale
COPY --from=scale-build --chown=10001:10001 /root-fs/ /
ENV PATH=/opt/scale/bin:${PATH} \
    LD_LIBRARY_PATH=/opt/scale/lib \
    PYTHONDONTWRITEBYTECODE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    MPLCONFIGDIR=/state \
    TMPDIR=/state \
    PUNTUAL_STATE=/state
VOLUME /state
WORKDIR /state
USER 10001:10001
STOPSIGNAL SIGTERM
# A scheduler, a worker (`dask worker ADDRESS`) or a client (`puntual train --cluster ADDRESS`).
CMD ["dask", "scheduler"]
ARG PYTHON
LABEL org.opencontainers.image.title="puntual-scale" \
      org.opencontainers.image.description="Trains Puntual on many machines: scheduler, workers and client." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="${PYTHON}"

FROM ${PYTHON}
COPY --from=build /opt/puntual /opt/puntual
COPY --from=build /models /models
# Open to all, since engines give the memory that they mount there the rights of this folder and root as its owner.
COPY --from=build --chown=10001:10001 /root-fs/ /
ENV PATH=/opt/puntual/bin:${PATH} \
    PYTHONPYCACHEPREFIX=/opt/puntual/bytecode \
    PYTHONDONTWRITEBYTECODE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    PUNTUAL_HOST=0.0.0.0 \
    PUNTUAL_PORT=8000 \
    PUNTUAL_REGISTRY=/models \
    PUNTUAL_STATE=/state
# All that is ever written; what looks for a temporary folder finds this one where /tmp cannot be written to.
VOLUME /state
WORKDIR /state
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["puntual", "health"]
ENTRYPOINT ["puntual"]
CMD ["serve"]
ARG PYTHON
# What changes with each build (revision, created, version) is given to the build as labels by `make image`: buildah
# would take a label that a build argument fills in out of its cache, with the former commit in it.
LABEL org.opencontainers.image.title="puntual" \
      org.opencontainers.image.description="Will this flight be late? Calibrated delay predictions over HTTP." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="${PYTHON}"
