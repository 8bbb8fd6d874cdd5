# The steps of `make run`, in a slim image.
#   docker build -t voicewire .
#   docker run -p 8080:8080 --stop-timeout 70 -e VOICEWIRE_TOKEN=… voicewire
# Stopped, it lets calls go on for drain_s (60 s) and then closes; docker kills after 10 s if it is not told to wait.
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
    CMD ["python", "tools/health.py"]
# The exec form, so that SIGTERM reaches the server and drains it.
ENTRYPOINT ["voicewire"]
CMD ["serve"]
