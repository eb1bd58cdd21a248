# The service in one image. The embedded PostgreSQL and chain come with it and are used only
# where DATABASE_URL and RPC_URL are not set.
FROM node:20-bookworm-slim AS chain
WORKDIR /app/contracts
COPY contracts/package.json contracts/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim-bookworm
WORKDIR /app
# Reports of dossiers are set in this font; without it letters other than Latin ones are escaped.
RUN apt-get update && apt-get install --yes --no-install-recommends fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements/build.txt -r requirements/runtime.txt
COPY --from=chain /app/contracts/node_modules/@foundry-rs contracts/node_modules/@foundry-rs
COPY pyproject.toml README.md ./
COPY src src
RUN pip install --no-cache-dir --no-deps --no-build-isolation --no-index -e . \
    && useradd --system --create-home provenance \
    && install -d -o provenance /data
USER provenance
ENV PROVENANCE_DATA=/data PROVENANCE_API_HOST=0.0.0.0
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["provenance"]
CMD ["run"]
