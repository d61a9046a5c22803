/**
 * Route templates: what metrics count a request under in place of its path, `GET /orders/{id}` for `/orders/17?full=1`.
 *
 * Values that show by their looks become `{id}`, `{uuid}`, `{hash}`, `{date}` or `{param}` at once (route-segment.ts).
 * Others are learned: each service has a tree of segments, and where one place has seen more than MAX_SEGMENTS names,
 * they become one `{param}`, but for those that a good share of the requests there have: endpoints stay when a scanner
 * tries words beside them. Routes are bounded per service, services as a whole; what was seen before costs one or two
 * look-ups in a map.
 */
import { safeText } from './redact.ts';
import { segmentTemplate } from './route-segment.ts';

/** Stands for every route above the bound. */
export const OTHER_ROUTE = 'other';

const MAX_ROUTES = 200;
const MAX_SERVICES = 1000;
/** Names at one place of a service's paths, before they are taken for values. */
const MAX_SEGMENTS = 32;
/** Deeper paths end in `…`. */
const MAX_DEPTH = 10;
/** Paths a service remembers the routes of. */
const MAX_PATHS = 2000;
/** No longer path is remembered, nor looked at further. */
const MAX_PATH_LENGTH = 512;
/** A name is kept beside `{param}` if it has this many requests, and one in MAX_SEGMENTS of all at its place. */
const MIN_HITS = 32;

interface Node {
  parent: Node | null;
  segment: string;
  names: Map<string, Node>;
  /** Once there were too many names. */
  param: Node | null;
  /** Operation -> route that ends here. */
  routes: Map<string, string>;
  /** Requests at and below this node, up to the last time they were counted. */
  hits: number;
}

/** What a path led to, and how often since that was last added to its nodes. */
interface Known {
  route: string;
  node: Node;
  hits: number;
}

function node(parent: Node | null, segment: string): Node {
  return { parent, segment, names: new Map(), param: null, routes: new Map(), hits: 0 };
}

/** Routes of every service of a node. */
export class Routes {
  readonly #services = new Map<number | string, ServiceRoutes>();

  /**
   * The route of an operation of a service (any key that tells services apart): the operation itself, or with a path
   * (or URL; its query is not looked at) the two, the path as a template. `other` beyond the bound.
   */
  route(service: number | string, operation: string, path?: string): string {
    let routes = this.#services.get(service);
    if (routes === undefined) {
      // The one known longest goes: it will learn again if it is still there.
      if (this.#services.size >= MAX_SERVICES) {
        for (const oldest of this.#services.keys()) {
          this.#services.delete(oldest);
          break;
        }
      }
      routes = new ServiceRoutes();
      this.#services.set(service, routes);
    }
    return path === undefined ? routes.operation(operation) : routes.path(operation, path);
  }
}

class ServiceRoutes {
  #root = node(null, '');
  #count = 0;
  readonly #operations = new Map<string, string>();
  /** Operation -> path -> route. */
  readonly #known = new Map<string, Map<string, Known>>();
  #remembered = 0;

  operation(operation: string): string {
    const known = this.#operations.get(operation);
    if (known !== undefined) return known;
    if (this.#count >= MAX_ROUTES) return OTHER_ROUTE;
    this.#count += 1;
    const route = safeText(operation);
    this.#operations.set(operation, route);
    return route;
  }

  path(operation: string, rawPath: string): string {
    const path = pathOnly(rawPath);
    const known = this.#known.get(operation)?.get(path);
    if (known !== undefined) {
      known.hits += 1;
      return known.route;
    }
    const leaf = this.#leaf(path);
    if (leaf === null) return OTHER_ROUTE;
    let route = leaf.routes.get(operation);
    if (route === undefined) {
      if (this.#count >= MAX_ROUTES) return OTHER_ROUTE;
      this.#count += 1;
      route = `${safeText(operation)} ${template(leaf)}`;
      leaf.routes.set(operation, route);
    }
    this.#remember(operation, path, { route, node: leaf, hits: 1 });
    return route;
  }

  #remember(operation: string, path: string, known: Known): void {
    if (this.#remembered >= MAX_PATHS) this.#forget();
    let paths = this.#known.get(operation);
    if (paths === undefined) {
      paths = new Map();
      this.#known.set(operation, paths);
    }
    paths.set(path, known);
    this.#remembered += 1;
  }

  /** Forgets what paths led to, and adds the requests they had to their nodes. */
  #forget(): void {
    for (const paths of this.#known.values()) {
      for (const known of paths.values()) {
        for (let at: Node | null = known.node; at !== null; at = at.parent) at.hits += known.hits;
      }
    }
    this.#known.clear();
    this.#remembered = 0;
  }

  /** The node of a path; null if it would have to be made for a route above the bound. */
  #leaf(path: string): Node | null {
    let at = this.#root;
    let depth = 0;
    for (const raw of path.split('/', MAX_DEPTH + 2)) {
      if (raw === '') continue;
      depth += 1;
      const segment = depth > MAX_DEPTH ? '…' : segmentTemplate(raw);
      const child = at.names.get(segment) ?? at.param;
      if (child === null && this.#count >= MAX_ROUTES) return null;
      at = child ?? this.#add(at, segment);
      if (depth > MAX_DEPTH) break;
    }
    return at;
  }

  #add(parent: Node, segment: string): Node {
    if (parent.names.size >= MAX_SEGMENTS) return this.#collapse(parent);
    const child = node(parent, safeText(segment));
    parent.names.set(segment, child);
    return child;
  }

  /** Makes the names below `parent` one `{param}`, but for those that are asked for often, and for templates. */
  #collapse(parent: Node): Node {
    this.#forget();
    const param = node(parent, '{param}');
    parent.param = param;
    for (const [segment, child] of parent.names) {
      if (segment.startsWith('{')) continue;
      if (child.hits >= MIN_HITS && child.hits * MAX_SEGMENTS >= parent.hits) continue;
      parent.names.delete(segment);
      this.#merge(param, child);
    }
    return param;
  }

  /** Moves all that is below `from` into `to`, whose templates take the place of those of `from`. */
  #merge(to: Node, from: Node): void {
    to.hits += from.hits;
    for (const operation of from.routes.keys()) {
      if (to.routes.has(operation)) this.#count -= 1;
      else to.routes.set(operation, `${safeText(operation)} ${template(to)}`);
    }
    for (const child of from.names.values()) {
      const target = to.names.get(child.segment) ?? to.param ?? this.#add(to, child.segment);
      this.#merge(target, child);
    }
    if (from.param !== null) {
      to.param ??= this.#collapse(to);
      this.#merge(to.param, from.param);
    }
  }
}

function template(leaf: Node): string {
  if (leaf.parent === null) return '/';
  let text = '';
  for (let at = leaf; at.parent !== null; at = at.parent) text = `/${at.segment}${text}`;
  return safeText(text);
}

/** Without scheme and authority, query, fragment and path parameters. */
function pathOnly(path: string): string {
  let start = 0;
  if (!path.startsWith('/')) {
    const authority = path.indexOf('://');
    if (authority >= 0) {
      start = path.indexOf('/', authority + 3);
      if (start < 0) return '/';
    }
  }
  let end = start;
  const last = Math.min(path.length, start + MAX_PATH_LENGTH);
  for (; end < last; end += 1) {
    const code = path.charCodeAt(end);
    if (code === 0x3f || code === 0x23 || code === 0x3b) break;
  }
  return start === 0 && end === path.length ? path : path.slice(start, end);
}
