# The program alone, run as a user without rights.
FROM rust:1.95.0-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
# The authorities of TLS, for Discord and for a database; curl asks whether the site is well.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --create-home verta
COPY --from=build /src/target/release/verta /usr/local/bin/verta
USER 10001
WORKDIR /data
VOLUME /data
ENV BIND=0.0.0.0:25000 LOG_FORMAT=json DATABASE_URL=sqlite:/data/verta.db MEDIA_URL=folder:/data/media INDEX_DIR=/data/index
EXPOSE 25000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:25000/readyz"]
ENTRYPOINT ["verta"]
CMD ["serve"]
