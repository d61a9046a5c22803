import { expect, it } from 'vitest';
import { routeFilter } from './route-filter.ts';

it.each([
  ['http', 'GET /orders/{id}', { 'http-method': ['GET'], 'http-path': ['^/orders/[^/]+$'] }],
  ['http2', 'GET /a.b/{uuid}/c', { 'http-method': ['GET'], 'http-path': [String.raw`^/a\.b/[^/]+/c$`] }],
  ['grpc', 'shop.Payments/Charge', { protocol: ['grpc'], 'http-path': [String.raw`^/shop\.Payments/Charge$`] }],
  ['grpc', 'other', { protocol: ['grpc'] }],
  ['http', 'other', { type: ['l7'], protocol: ['http'] }],
  ['redis', 'GET', { type: ['l7'], protocol: ['redis'] }],
] as const)('%s %s', (protocol, route, filter) => {
  expect(routeFilter(protocol, route)).toEqual(filter);
});
