# Beatwire: small, non-root. Build: docker build -t beatwire .   Run: docker run -p 8000:8000 -v data:/data beatwire
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY . .
RUN /venv/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12-slim
RUN useradd --create-home beatwire && mkdir /data && chown beatwire /data
COPY --from=build /venv /venv
USER beatwire
ENV PATH=/venv/bin:$PATH BEATWIRE_FOLDER=/data BEATWIRE_HOST=0.0.0.0
# The engine is compiled once, into the image, not at every start.
RUN python -m stream.warm
VOLUME /data
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health')"]
CMD ["beatwire", "serve"]
