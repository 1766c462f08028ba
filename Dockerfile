# The program alone: no shell, no package manager, not root. Its one volume is /data, which is also where it looks for
# signbridge.toml. Everything else of the image can be read-only.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# What /metrics names in signbridge_build_info.
ARG REVISION=unknown
# Nothing but the provider. `demo` adds the simulated phone services and the example app (docker-compose.yml).
ARG FEATURES=""
RUN SIGNBRIDGE_REVISION="${REVISION}" cargo build --profile dist --locked --package signbridge --no-default-features \
      --features "${FEATURES}" && mkdir /data

FROM gcr.io/distroless/cc-debian12:nonroot
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Signbridge" \
      org.opencontainers.image.description="An OpenID Connect provider whose login step is an approval on a phone" \
      org.opencontainers.image.licenses="Apache-2.0 OR MIT" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /src/target/dist/signbridge /usr/local/bin/signbridge
COPY --from=build /src/LICENSE-APACHE /src/LICENSE-MIT /usr/share/doc/signbridge/
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
WORKDIR /data
VOLUME ["/data"]
# Outside of the container nobody reaches its loopback. This wins over `[listen] address` of a file; the management listener,
# which only the health check asks, stays on loopback.
ENV SIGNBRIDGE_LISTEN__ADDRESS=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/signbridge", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/signbridge"]
CMD ["serve"]
