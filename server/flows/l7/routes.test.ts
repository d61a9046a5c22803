import { describe, expect, it } from 'vitest';
import { segmentTemplate } from './route-segment.ts';
import { OTHER_ROUTE, Routes } from './routes.ts';

describe('segmentTemplate', () => {
  it.each([
    ['orders', 'orders'],
    ['17', '{id}'],
    ['-3.5', '{id}'],
    ['4b1c9d5e-0f3a-4f5e-9a53-0d6b1f0e7c11', '{uuid}'],
    ['9b74c9897bac770ffc029102a200c5de', '{hash}'],
    ['507f1f77bcf86cd799439011', '{hash}'],
    ['2026-11-23', '{date}'],
    ['2026-11-23T00:29:38Z', '{date}'],
    ['2026-11', '{date}'],
    ['01HZX3KQVJ8M5T2N9C6R7WBDYE', '{id}'],
    ['dGhpc0lzQVJ3bmRvbTF', '{id}'],
    ['10.0.0.17', '{id}'],
    ['xK2pQ9vLw8ZtR4mN', '{id}'],
    ['order-12345', '{id}'],
    ['jo@shop.example', '{param}'],
    ['Gr%C3%BC%C3%9Fe', '{param}'],
    ['a'.repeat(65), '{param}'],
    ['v1', 'v1'],
    ['v1beta1', 'v1beta1'],
    ['v2.1', 'v2.1'],
    ['decade', 'decade'],
    ['feedface', 'feedface'],
    ['getUserByIdAndName', 'getUserByIdAndName'],
    ['oauth2', 'oauth2'],
    ['index.html', 'index.html'],
    ['app.3f2a9c81.js', 'app.{hash}.js'],
    ['17.png', '{id}.png'],
    ['jquery-3.7.1.min.js', 'jquery-3.7.1.min.js'],
  ])('%s -> %s', (segment, expected) => {
    expect(segmentTemplate(segment)).toBe(expected);
  });
});

/** Words without digits, told apart by their letters. */
function word(n: number): string {
  return `w${n.toString(26).replaceAll(/./g, (digit) => String.fromCharCode(97 + parseInt(digit, 26)))}`;
}

describe('Routes', () => {
  it('makes templates of paths', () => {
    const routes = new Routes();
    expect(routes.route(1, 'GET', '/orders/17?full=1')).toBe('GET /orders/{id}');
    expect(routes.route(1, 'GET', '/orders/18')).toBe('GET /orders/{id}');
    expect(routes.route(1, 'GET', 'http://shop.example/orders/19#x')).toBe('GET /orders/{id}');
    expect(routes.route(1, 'DELETE', '/orders/19')).toBe('DELETE /orders/{id}');
    expect(routes.route(1, 'GET', '/')).toBe('GET /');
    expect(routes.route(1, 'GET', 'http://shop.example')).toBe('GET /');
    expect(routes.route(1, 'GET', '/cart;jsessionid=1/x')).toBe('GET /cart');
    expect(routes.route(1, 'GET', '/1/2/3/4/5/6/7/8/9/10/11/12')).toBe(`GET ${'/{id}'.repeat(10)}/…`);
    expect(routes.route(1, 'LPUSH')).toBe('LPUSH');
  });

  it('learns that many names at one place are values', () => {
    const routes = new Routes();
    for (let n = 0; n < 100; n += 1) routes.route(1, 'GET', `/users/${word(n)}/profile`);
    expect(routes.route(1, 'GET', '/users/alice/profile')).toBe('GET /users/{param}/profile');
    expect(routes.route(1, 'GET', `/users/${word(1)}/profile`)).toBe('GET /users/{param}/profile');
    expect(routes.route(1, 'GET', '/users/alice')).toBe('GET /users/{param}');
    expect(routes.route(2, 'GET', '/users/alice')).toBe('GET /users/alice');
  });

  it('keeps what is asked for often when a scanner tries names beside it', () => {
    const routes = new Routes();
    for (let n = 0; n < 500; n += 1) {
      routes.route(1, 'GET', '/cart');
      routes.route(1, 'GET', `/orders/${n}`);
    }
    for (let n = 0; n < 500; n += 1) routes.route(1, 'GET', `/${word(n)}`);
    expect(routes.route(1, 'GET', '/cart')).toBe('GET /cart');
    expect(routes.route(1, 'GET', '/orders/5000')).toBe('GET /orders/{id}');
    expect(routes.route(1, 'GET', '/phpmyadmin')).toBe('GET /{param}');
  });

  it('bounds the routes of a service', () => {
    const routes = new Routes();
    const seen = new Set<string>();
    for (let a = 0; a < 20; a += 1) {
      for (let b = 0; b < 20; b += 1) {
        for (let c = 0; c < 20; c += 1) seen.add(routes.route(1, 'GET', `/${word(a)}/${word(b)}/${word(c)}`));
      }
    }
    expect(seen.size).toBe(201);
    expect(routes.route(1, 'GET', '/new')).toBe(OTHER_ROUTE);
    expect(routes.route(1, 'GET', `/${word(0)}/${word(0)}/${word(0)}`)).toBe(`GET /${word(0)}/${word(0)}/${word(0)}`);
    expect(routes.route(2, 'GET', '/new')).toBe('GET /new');
    for (let n = 0; n < 1000; n += 1) seen.add(routes.route(3, `SELECT ${n}`));
    expect(routes.route(3, 'SELECT 1000')).toBe(OTHER_ROUTE);
  });

  it('gives room back when names become values', () => {
    const routes = new Routes();
    // 33 names with 5 routes each are merged into 5 routes, so there is room for 195 more.
    for (let n = 0; n < 33; n += 1) {
      for (let m = 0; m < 5; m += 1) routes.route(1, 'GET', `/users/${word(n)}/${word(m)}`);
    }
    const seen = new Set<string>();
    for (let a = 0; a < 7; a += 1) {
      for (let b = 0; b < 30; b += 1) seen.add(routes.route(1, 'GET', `/x/${word(a)}/${word(b)}`));
    }
    expect(seen.has(OTHER_ROUTE)).toBe(true);
    expect(seen.size).toBe(195 + 1);
  });

  it('bounds services', () => {
    const routes = new Routes();
    for (let n = 0; n < 200; n += 1) routes.route('a', `SELECT ${n}`);
    expect(routes.route('a', 'new')).toBe(OTHER_ROUTE);
    for (let n = 0; n < 1000; n += 1) routes.route(n, 'GET', '/');
    expect(routes.route('a', 'new')).toBe('new');
  });
});
