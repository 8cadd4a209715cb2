# syntax=docker/dockerfile:1
# docker buildx build --platform linux/amd64,linux/arm64 -t holdfast \
#   --build-arg DESCRIBE=$(git describe --tags --always --dirty) --build-arg COMMIT=$(git rev-parse HEAD) \
#   --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) .

# The bundle is JavaScript without native parts: built once, on the builder's own processor.
FROM --platform=$BUILDPLATFORM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-fund --no-audit --ignore-scripts
COPY . .
ARG DESCRIBE=""
ARG COMMIT=""
ARG SOURCE_DATE_EPOCH
# On a Node in the place where the image has it: the launcher takes the Node of the build without asking for its version.
RUN install -D /usr/local/bin/node /opt/holdfast/node \
 && HOLDFAST_DESCRIBE="$DESCRIBE" HOLDFAST_COMMIT="$COMMIT" \
    /opt/holdfast/node --disable-warning=ExperimentalWarning scripts/build.ts

FROM node:24-bookworm-slim AS node

# Node's own program and the bundle on a small base: no npm, no compiler.
FROM debian:bookworm-slim
COPY --from=node /usr/local/bin/node /opt/holdfast/node
COPY --from=build /src/dist/ /src/LICENSE /opt/holdfast/
RUN ln -s /opt/holdfast/holdfast /usr/local/bin/holdfast \
 && install -d -o 65532 -g 65532 -m 0700 /var/lib/holdfast
ARG DESCRIBE=""
ARG COMMIT=""
LABEL org.opencontainers.image.title="holdfast" \
      org.opencontainers.image.description="The offline-first GitOps agent for edge Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$DESCRIBE" \
      org.opencontainers.image.revision="$COMMIT"
USER 65532:65532
# For exec plugins of a kubeconfig, which may want to write a cache.
ENV HOME=/tmp
VOLUME /var/lib/holdfast
EXPOSE 8080
# No HEALTHCHECK: it would start a second Node every few seconds. Ask /livez from outside.
ENTRYPOINT ["/opt/holdfast/holdfast"]
CMD ["agent", "--config", "/etc/holdfast/config.yaml"]
