/** The paths of the API, in the order in which people look for them. */
import { MAP_FILTER_NAMES } from '../edges/service-map.ts';
import { ALL_FILTER_PARAMETERS, withExcluding } from './parameters.ts';

export interface Operation {
  summary: string;
  description?: string;
  /** Names of query parameters. */
  query?: readonly string[];
  /** Names of path parameters, with their meaning. */
  path?: Readonly<Record<string, string>>;
  /** Name of the request's schema. */
  body?: string;
  /** Status of success to what it answers: names of schemas by content type, none for an empty body. */
  success: Readonly<Record<number, Readonly<Record<string, string>>>>;
  /** Statuses of the problems it can answer, with what they mean here; 400 is every operation's. */
  problems?: Readonly<Record<number, string>>;
}

const JSON_TYPE = 'application/json';
const MAP_FILTERS = withExcluding(MAP_FILTER_NAMES);
const answers = (schema: string): Operation['success'] => ({ 200: { [JSON_TYPE]: schema } });
const WINDOW = 'Sums over a window of time, the last minute if none is given.';
const HITS = 'Hits since the hub started, or over a window of time.';
const POLICY_NAME = { namespace: 'Namespace of the policy.', name: 'Name of the policy.' };
const ID = { id: 'Of the export.' };
const NO_EXPORTS = 'The hub exports nothing.';

export const PATHS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  '/api/v1/flows': {
    get: {
      summary: 'Flows, as Hubble writes them',
      description:
        'The newest 20 if nothing else is asked for. Filters are the flags of `hubble observe`: a parameter that is repeated, or has commas, means or; different ones mean and.',
      query: ['format', 'first', 'last', 'since', 'until', 'cursor', 'fields', 'follow', ...ALL_FILTER_PARAMETERS],
      success: { 200: { 'application/x-ndjson': 'FlowLine', [JSON_TYPE]: 'Flows', 'text/csv': 'Table' } },
      problems: { 410: 'The flow of the cursor is no longer kept.' },
    },
  },
  '/api/v1/service-map': {
    get: {
      summary: 'Who talks to whom',
      description: WINDOW,
      query: ['since', 'until', 'group', ...MAP_FILTERS],
      success: answers('Map'),
    },
  },
  '/api/v1/l7': {
    get: {
      summary: 'Requests, errors and latencies by route',
      description: WINDOW,
      query: ['since', 'until', 'group', 'per', ...MAP_FILTERS],
      success: answers('Routes'),
    },
  },
  '/api/v1/datapath': {
    get: {
      summary: 'Where packets go in the datapath, and where they stop',
      description: WINDOW,
      query: ['since', 'until', 'node'],
      success: answers('Datapath'),
      problems: { 404: 'There is no such node.' },
    },
  },
  '/api/v1/loss': {
    get: {
      summary: 'What became of every record that the nodes produced',
      description: 'Since the hub started, or over a window of time.',
      query: ['since', 'until'],
      success: answers('Loss'),
    },
  },
  '/api/v1/timeline': {
    get: {
      summary: 'Flows, dropped packets and losses over time',
      description: 'The last 15 minutes if no window is given.',
      query: ['since', 'until', 'buckets'],
      success: answers('Timeline'),
    },
  },
  '/api/v1/policies': {
    get: {
      summary: 'Policies and what they decided',
      description: HITS,
      query: ['since', 'until'],
      success: answers('Policies'),
    },
  },
  '/api/v1/policies/{namespace}/{name}': {
    get: {
      summary: 'One policy with its rules',
      description: HITS,
      path: POLICY_NAME,
      query: ['since', 'until'],
      success: answers('Policy'),
      problems: { 404: 'There is no such policy.' },
    },
  },
  '/api/v1/status': { get: { summary: 'State of the hub', success: answers('Status') } },
  '/api/v1/nodes': { get: { summary: 'Nodes and their agents', success: answers('Nodes') } },
  '/api/v1/namespaces': { get: { summary: 'Namespaces with pods', success: answers('Namespaces') } },
  '/api/v1/exports': {
    get: { summary: 'Continuous exports of flows', success: answers('Exports') },
    post: {
      summary: 'Begins an export',
      body: 'ExportRequest',
      success: { 201: { [JSON_TYPE]: 'Export' } },
      problems: {
        403: 'The hub may not send to this endpoint.',
        409: `${NO_EXPORTS} Or another export has the file, or there are too many.`,
        413: 'The body is too large.',
        415: 'The body is not declared as JSON.',
        503: 'The export cannot be noted on disk.',
      },
    },
  },
  '/api/v1/exports/{id}': {
    get: {
      summary: 'One export',
      path: ID,
      success: answers('Export'),
      problems: { 404: 'There is no such export.', 409: NO_EXPORTS },
    },
    delete: {
      summary: 'Ends an export; its files stay',
      path: ID,
      success: { 204: {} },
      problems: { 404: 'There is no such export.', 409: NO_EXPORTS },
    },
  },
  '/api/v1/login': {
    post: {
      summary: 'Begins a session of a browser',
      description: 'Sets a cookie that stands for the token from then on.',
      body: 'LoginRequest',
      success: answers('WhoAmI'),
    },
  },
  '/api/v1/logout': { post: { summary: 'Ends the session of the cookie', success: { 204: {} } } },
  '/api/v1/whoami': { get: { summary: 'Who asks, and what they may see', success: answers('WhoAmI') } },
  '/api/v1/openapi.json': { get: { summary: 'This document', success: answers('Document') } },
  '/healthz': { get: { summary: 'Whether the hub runs', success: { 200: { 'text/plain': 'Text' } } } },
  '/readyz': {
    get: {
      summary: 'Whether agents are heard',
      success: { 200: { 'text/plain': 'Text' } },
      problems: { 503: 'No agent is connected, though some were.' },
    },
  },
  '/metrics': { get: { summary: 'Metrics for Prometheus', success: { 200: { 'text/plain': 'Text' } } } },
};
