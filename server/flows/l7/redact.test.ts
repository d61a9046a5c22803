import { describe, expect, it } from 'vitest';
import { MAX_L7_TEXT } from '../../wire/l7.ts';
import { redactHeaders, redactUrl, safeText } from './redact.ts';

describe('redactUrl', () => {
  it.each([
    ['http://shop.example/orders/17?id=42&token=s3cret', 'http://shop.example/orders/17?id=…&token=…'],
    ['http://user:s3cret@shop.example/', 'http://shop.example/'],
    ['http://us@er:s3@cret@shop.example/a@b', 'http://shop.example/a@b'],
    ['/plain/path', '/plain/path'],
    ['/?s3cret', '/?…'],
    ['/a?x=1;y=s3cret&&z', '/a?x=…;y=…&&…'],
    ['/a#access_token=s3cret', '/a'],
    ['/a#frag?x=s3cret', '/a'],
    ['/cart;jsessionid=s3cret/items', '/cart;jsessionid=…/items'],
    ['user:s3cret@db.example:443', 'db.example:443'],
    ['/proxy/http://user:s3cret@host/x', '/proxy/http://host/x'],
    ['/a?next=http://u:s3cret@h/?q=s3cret', '/a?next=…'],
  ])('shows keys, not values: %s', (url, expected) => {
    expect(redactUrl(url, 'metadata')).toBe(expected);
  });

  it('shows values in full mode, but no credentials', () => {
    expect(redactUrl('http://u:p@h/a?x=1#y', 'full')).toBe('http://h/a?x=1#y');
  });

  it('bounds the text', () => {
    expect(redactUrl(`/${'a'.repeat(10_000)}?${'k=v&'.repeat(10_000)}`, 'metadata')).toHaveLength(MAX_L7_TEXT);
    expect(redactUrl(`/?${'k=v&'.repeat(1_000_000)}`, 'metadata')).toHaveLength(MAX_L7_TEXT);
  });
});

describe('redactHeaders', () => {
  const headers = [
    { key: 'X-Customer', value: 'Jo' },
    { key: 'Authorization', value: 'Bearer s3cret' },
    { key: 'Content-Type', value: 'text/html' },
    { key: 'X-Api-Key', value: 's3cret' },
    { key: 'Set-Cookie', value: 's3cret' },
  ];

  it('shows values of the allow list only', () => {
    expect(redactHeaders(headers, 'metadata')).toEqual([
      { key: 'authorization', value: '' },
      { key: 'content-type', value: 'text/html' },
      { key: 'set-cookie', value: '' },
      { key: 'x-api-key', value: '' },
      { key: 'x-customer', value: '' },
    ]);
  });

  it('never shows credentials', () => {
    const shown = redactHeaders(headers, 'full');
    expect(shown).toContainEqual({ key: 'x-customer', value: 'Jo' });
    expect(JSON.stringify(shown)).not.toContain('s3cret');
  });

  it('bounds their number', () => {
    const many = Array.from({ length: 1000 }, (_, n) => ({ key: `k${n}`, value: '' }));
    expect(redactHeaders(many, 'full')).toHaveLength(100);
  });
});

describe('safeText', () => {
  it('replaces what is no printable text', () => {
    expect(safeText('a\u001b[31mb\u0000c\u202ed\ud800e')).toBe('a\ufffd[31mb\ufffdc\ufffdd\ufffde');
    expect(safeText('Grüße 😀')).toBe('Grüße 😀');
  });

  it('cuts without leaving half a character', () => {
    const text = safeText(`${'a'.repeat(MAX_L7_TEXT - 1)}😀`);
    expect(text).toHaveLength(MAX_L7_TEXT);
    expect(text.endsWith('\ufffd')).toBe(true);
  });
});
