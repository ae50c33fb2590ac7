# One image for web, worker, beat and migrations; docker-compose.yml says which is which.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --require-hashes --only-binary=:all: -r requirements.txt

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin textpay
WORKDIR /app
COPY --from=build /venv /venv
COPY manage.py ./
COPY audit audit
COPY customers customers
COPY invoices invoices
COPY payments payments
COPY sms sms
COPY tenants tenants
COPY textpay textpay
COPY templates templates
COPY static static
# Collecting static files needs no secret and no database: the values below leave with this line.
RUN SECURE=False SECRET_KEY=build FIELD_KEYS=build LINK_KEYS=build NUMBER_KEYS=build \
    python manage.py collectstatic --no-input --skip-checks -v 0 \
    && chown -R textpay: var
USER textpay
EXPOSE 8000
# Asks as the public host would, so that ALLOWED_HOSTS stays short.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:8000/healthz', headers={'Host': os.environ['PUBLIC_BASE_URL'].split('/')[2]}), timeout=4)"]
CMD ["gunicorn", "-c", "textpay/server.py", "-b", "0.0.0.0:8000", "--no-control-socket", "textpay.wsgi"]
