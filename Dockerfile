# Beatwire: small, non-root. Build: docker build -t beatwire .   Run: docker run -p 8000:8000 -v data:/data beatwire
# A cluster of them: deploy/compose.yaml.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY beatwire beatwire
COPY ecg ecg
COPY stream stream
COPY inference inference
COPY client client
RUN /venv/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12-slim
# The slim image lacks the bytecode of Python's own library, and who runs here could not keep it: no start compiles it.
RUN python -m compileall -q -x '/(test|idlelib|tkinter|lib2to3|ensurepip|site-packages)/' \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
RUN useradd --create-home --uid 10001 beatwire && mkdir /data && chown beatwire /data
COPY --from=build /venv /venv
USER beatwire
ENV PATH=/venv/bin:$PATH BEATWIRE_FOLDER=/data BEATWIRE_HOST=0.0.0.0 PYTHONUNBUFFERED=1
# The engine is compiled once, into the image, not at every start.
RUN python -m stream.warm
VOLUME /data
EXPOSE 8000
# Of a gateway, or of all roles in one; a worker alone listens to nobody (see compose.yaml).
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('BEATWIRE_PORT', '8000') + '/health', timeout=3)"]
CMD ["beatwire", "serve"]
