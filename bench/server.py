"""gunicorn's settings for the bench: imported once and forked, so that a dead worker is cheap."""

worker_class = "gthread"
workers = 3
threads = 8
preload_app = True
timeout = 60
graceful_timeout = 5
keepalive = 10
loglevel = "critical"
