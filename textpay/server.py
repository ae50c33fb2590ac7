"""The gunicorn configuration, of the demo and of production; the command line may override it."""

import os

from textpay import logs

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8
timeout = 60
graceful_timeout = 45  # long enough for a charge under way to be answered
keepalive = 5
accesslog = "-"
access_log_format = '%(h)s "%(r)s" %(s)s %(b)s %(M)sms'
logconfig_dict = logs.configuration(os.environ.get("LOG_LEVEL", "INFO"))
