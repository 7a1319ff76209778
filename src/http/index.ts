export { loadContract } from './api-docs.js';
export { type BodyPatience, watchBody } from './body-watch.js';
export { configureApp } from './configure-app.js';
export { inviteBody } from './expect-continue.js';
export { createHttpServer, type HttpServerOptions } from './http-server.js';
export { nextPageLink } from './page-link.js';
export { PageQueryDto } from './page-query.dto.js';
export type { RouteTable } from './route-table.js';
