# Two images: the service (target api, the default) and the command line (target cli).
# scripts/build.sh builds both; docker-compose.yml runs them.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/sdk/package.json packages/sdk/
RUN npm ci --no-audit --no-fund
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY asyncapi asyncapi
COPY openapi openapi
COPY bin bin
COPY scripts scripts
COPY packages packages
COPY src src
COPY README.md DESIGN.md CONTRIBUTING.md CHANGELOG.md ./
COPY docs docs
COPY bench/RESULTS.md bench/
COPY schemas schemas
# Whatever the builder's umask was, the images' user must be able to read it all.
RUN npm run build \
  && npm run docs \
  && npm prune --omit=dev --workspaces=false --no-audit --no-fund \
  && chmod -R a+rX package.json bin dist openapi node_modules

FROM node:24-slim AS cli
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/bin bin
COPY --from=build /app/dist/cli/batch.js dist/cli/batch.js
ENV NODE_ENV=production
# Mount the folder of your files here; the service is at BATCH_API_URL.
WORKDIR /work
USER 10001:10001
ENTRYPOINT ["/app/bin/batch"]
CMD ["--help"]

FROM node:24-slim AS api
RUN groupadd --gid 10001 batch \
  && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin batch \
  && install --directory --owner=10001 --group=10001 --mode=0750 /data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/openapi openapi
COPY --from=build /app/dist dist
# The root file system may be read-only: all that is written goes to /data.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ROLE === 'worker' ? process.env.METRICS_PORT || 9090 : process.env.PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
