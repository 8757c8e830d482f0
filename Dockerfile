# One image for every role: `docker run kappa-growth up`, or ingest, process, api, migrate (docker-compose.yml).
FROM node:20.20.2-bookworm-slim AS build
WORKDIR /kappa
# Dependencies first: they change less often than the sources.
COPY package.json package-lock.json ./
# Everything native comes built; no package runs a script of its own here.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:20.20.2-bookworm-slim
ENV NODE_ENV=production KAPPA_DATA=/data
WORKDIR /kappa
COPY --from=build --chown=root:root /kappa/package.json ./
COPY --from=build --chown=root:root /kappa/node_modules ./node_modules
COPY --from=build --chown=root:root /kappa/dist ./dist
COPY --from=build --chown=root:root /kappa/schemas/json ./schemas/json
# The program can't write to itself; all that it writes is in /data.
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 5272
# node is the first process and gets the signals: a stop is in order.
ENTRYPOINT ["node", "--max-semi-space-size=64", "dist/cli/kappa.js"]
CMD ["up"]
