# The steps of `make run`, in a slim image.
#   docker build -t voicewire .
#   docker run -p 8080:8080 -e VOICEWIRE_TOKEN=… voicewire
FROM python:3.11-slim

RUN useradd --create-home --uid 10001 voicewire
WORKDIR /app
COPY --chown=voicewire:voicewire . .

RUN tools/setup run

USER voicewire
ENV PATH=/app/.venv/bin:$PATH \
    VOICEWIRE_HOST=0.0.0.0 \
    VOICEWIRE_PORT=8080 \
    PYTHONUNBUFFERED=1
EXPOSE 8080
# Alive, not ready: a server with as many calls as it may have is well.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=2)"]
# The exec form, so that SIGTERM reaches the server and drains it.
ENTRYPOINT ["voicewire"]
CMD ["serve"]
