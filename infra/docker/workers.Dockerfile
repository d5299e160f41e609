# The image of the workers: one image, every fleet (WORKER_FLEET chooses), and the migrations.
#
#   docker build -f infra/docker/workers.Dockerfile -t twolane-workers .
#   docker run --read-only --tmpfs /tmp --env-file worker.env twolane-workers
#   docker run --read-only --tmpfs /tmp --env-file worker.env --entrypoint python twolane-workers -m infra.migrations.run
#
# More languages: name tesseract's packs, `tesseract --list-langs` style, and eng and osd as well:
#
#   docker build ... --build-arg TESSERACT_LANGUAGES="eng osd deu fra chi_sim" .
#
# Each is the Debian package tesseract-ocr-NAME with - for _ (1 to 5 MB). The API learns from the workers which they have.
# A pack of your own: COPY it to /usr/share/tesseract-ocr/5/tessdata/NAME.traineddata in an image built FROM this one.
#
# Builds on x86-64 and ARM64, by BuildKit and by the classic builder. Production pins the base: --build-arg
# BASE=python:3.13-slim@sha256:...
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends binutils
# The Makefile's.
ARG UV_VERSION=0.13.9
RUN python3 -m venv /uv && /uv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check "uv==${UV_VERSION}"
WORKDIR /build
COPY pyproject.toml uv.lock ./
ENV UV_PROJECT_ENVIRONMENT=/opt/twolane UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_CACHE=1 UV_SYSTEM_CERTS=1
RUN /uv/bin/uv sync --quiet --frozen --no-install-project --only-group workers --only-group migrations
# What a worker never opens: tests, headers, type stubs, debug symbols, and in botocore the descriptions of some 400
# services, of which these are the ones it calls; infra/lambda/Makefile keeps those that the functions call.
ARG AWS_SERVICES="events s3 secretsmanager textract"
# Of OpenVINO, which is there on x86-64, the plugin for CPUs and the readers of ONNX and its own format stay: without
# those for GPUs, NPUs and other frameworks it has 98 MB in place of 178, and needs no OpenCL.
RUN cd /opt/twolane/lib/python3*/site-packages \
 && rm -f openvino/libs/cache.json openvino/libs/libopenvino_c.so* \
 && for plugin in intel_gpu intel_npu auto auto_batch hetero; do \
      rm -f "openvino/libs/libopenvino_${plugin}_plugin.so"; done \
 && for frontend in gguf jax paddle pytorch tensorflow tensorflow_lite; do \
      rm -f "openvino/libs/libopenvino_${frontend}_frontend.so"*; done \
 && for service in botocore/data/*/; do \
      case " ${AWS_SERVICES} " in *" $(basename "$service") "*) ;; *) rm -r "$service" ;; esac; done \
 && find . -type d \( -name tests -o -name testing -o -name include \) -prune -exec rm -r {} + \
 && find . -type f \( -name '*.pyi' -o -name '*.pxd' -o -name '*.a' -o -name '*.c' -o -name '*.h' \) -delete \
 && find . -type f -name '*.so' -not -path '*.libs/*' -exec strip --strip-unneeded {} +
COPY shared /app/shared
COPY workers /app/workers
COPY infra /app/infra
# Once here instead of at every start; the image's own files never change, so nobody need compare times.
RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/twolane/lib /app

FROM ${BASE}
ARG TESSERACT_LANGUAGES="eng osd"
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tesseract-ocr \
      $(for language in ${TESSERACT_LANGUAGES}; do echo "tesseract-ocr-$language" | tr _ -; done) \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old \
 # pip is a build tool; nobody installs anything into a running worker.
 && rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip \
 && groupadd --gid 10001 twolane \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin twolane
COPY --from=build /opt/twolane /opt/twolane
COPY --from=build /app /app
WORKDIR /app
# REMAP_SIGTERM: SIGTERM starts the soft shutdown. WORKER_ALIVE_FILE: what the health check looks at.
ENV PATH=/opt/twolane/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    REMAP_SIGTERM=SIGQUIT \
    WORKER_ALIVE_FILE=/tmp/twolane-alive
USER 10001:10001
# The only place that is written to. On Fargate a bind mount takes its permissions (1777) from here; without this line it
# would belong to root.
VOLUME /tmp
STOPSIGNAL SIGTERM
# ECS looks at the task definition's health check instead: give it the same command.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=2 CMD ["python", "-m", "workers.health"]
ENTRYPOINT ["python", "-m", "workers"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Twolane workers" \
      org.opencontainers.image.description="Celery workers that read documents" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
