/** The filter that selects the messages of one route. */
import type { L7ProtocolName } from '../../../server/wire/l7.ts';
import type { FlowFilter } from '../../../server/wire/live.ts';

/** Routes of HTTP are asked for by method and path; of other protocols only the protocol can be. */
export function routeFilter(protocol: L7ProtocolName, route: string): FlowFilter {
  if (protocol === 'grpc')
    return { protocol: ['grpc'], ...(route.includes('/') && { 'http-path': [pathPattern(route)] }) };
  const [, method, path] = /^([A-Z]+) (\/.*)$/.exec(route) ?? [];
  if (method === undefined || path === undefined || !protocol.startsWith('http')) {
    return { type: ['l7'], protocol: [protocol] };
  }
  return { 'http-method': [method], 'http-path': [pathPattern(path)] };
}

/** A template as an expression: `{id}` stands for one segment of the path. */
function pathPattern(template: string): string {
  const parts = template.replace(/^[A-Z]+ /, '').split(/\{[a-z]+\}/);
  const escaped = parts.map((part) => part.replaceAll(/[.*+?^$()[\]{}|\\]/g, String.raw`\$&`));
  return `${escaped[0]?.startsWith('/') === true ? '^' : '^/'}${escaped.join('[^/]+')}$`;
}
