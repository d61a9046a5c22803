/** The hub's HTTP routes, without sockets. */
import express, { type Express } from 'express';
import type { Access } from '../access/access.ts';
import { guard, loginRoutes, whoAmIRoute } from '../access/http-access.ts';
import { createExportRoute, deleteExportRoute, exportRoute, listExportsRoute } from '../api/exports.ts';
import { datapathRoute } from '../api/datapath.ts';
import { flowsRoute } from '../api/flows.ts';
import { healthRoute, readyRoute } from '../api/health.ts';
import { l7Route } from '../api/l7.ts';
import { lossRoute } from '../api/loss.ts';
import { metricsRoute } from '../api/metrics.ts';
import { openApiRoute } from '../api/openapi.ts';
import { policiesRoute, policyRoute } from '../api/policies.ts';
import { serviceMapRoute } from '../api/service-map.ts';
import { timelineRoute } from '../api/timeline.ts';
import { namespacesRoute, nodesRoute, statusRoute } from '../api/status.ts';
import type { HubState } from '../hub-state.ts';
import { methodNotAllowed, methodNotAllowedBut, notFound, Problem, problemHandler } from './problem.ts';
import { type Hosts, refusal, SECURITY_HEADERS } from './security.ts';
import { staticUi } from './static-ui.ts';

export interface AppOptions {
  access: Access;
  hosts: Hosts;
  /** Folder of the built UI. */
  uiFolder: string;
  /** Hears of errors that are nobody's request. */
  onBug: (error: unknown) => void;
}

export function hubApp(state: HubState, { access, hosts, uiFolder, onBug }: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  // Parameters.ts reads the query; Express' own reading would make objects of it.
  app.set('query parser', false);
  app.use((request, response, next) => {
    response.set(SECURITY_HEADERS);
    const problem = refusal(request, hosts);
    if (problem !== null) throw problem;
    next();
  });
  app.use(loginRoutes(access));
  // The page itself and the probes are for everybody.
  app.use(['/api', '/metrics'], guard(access));
  const routes = {
    '/api/v1/whoami': whoAmIRoute(access),
    '/api/v1/flows': flowsRoute(state),
    '/api/v1/service-map': serviceMapRoute(state),
    '/api/v1/l7': l7Route(state),
    '/api/v1/timeline': timelineRoute(state),
    '/api/v1/datapath': datapathRoute(state),
    '/api/v1/status': statusRoute(state),
    '/api/v1/loss': lossRoute(state),
    '/api/v1/nodes': nodesRoute(state),
    '/api/v1/namespaces': namespacesRoute(state),
    '/api/v1/policies': policiesRoute(state),
    '/api/v1/policies/:namespace/:name': policyRoute(state),
    '/api/v1/openapi.json': openApiRoute(state),
    '/healthz': healthRoute,
    '/readyz': readyRoute(state),
    '/metrics': metricsRoute(state),
  };
  for (const [path, handler] of Object.entries(routes)) app.route(path).get(handler).all(methodNotAllowed);
  app
    .route('/api/v1/exports')
    .get(listExportsRoute(state))
    .post(createExportRoute(state))
    .all(methodNotAllowedBut('GET, HEAD, POST'));
  app
    .route('/api/v1/exports/:id')
    .get(exportRoute(state))
    .delete(deleteExportRoute(state))
    .all(methodNotAllowedBut('GET, HEAD, DELETE'));
  app.all(['/api/v1/agents', '/api/v1/live', '/api/v1/stream'], (request) => {
    throw new Problem(426, `${request.path} is a WebSocket; connect with ws://.`, {
      Upgrade: 'websocket',
      Connection: 'Upgrade',
    });
  });
  app.use(staticUi(uiFolder));
  app.use(notFound);
  app.use(problemHandler(onBug));
  return app;
}
