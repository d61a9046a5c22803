import { describe, expect, it } from 'vitest';
import { formatFilter, mapPart, parseFilter, termsOf, toFlowFilter, withTerms } from './grammar.ts';

const read = (text: string) => toFlowFilter(parseFilter(text));

describe('filter grammar', () => {
  it('reads short forms, dots for dashes, lists and exclusions', () => {
    expect(read('ns:shop,clients -drop.reason:tuple_in_use proto:tcp to:shop/orders')).toEqual({
      namespace: ['shop', 'clients'],
      'not.drop-reason': ['tuple_in_use'],
      protocol: ['tcp'],
      'to-pod': ['shop/orders'],
    });
  });

  it('joins the same name given twice', () => {
    expect(read('port:80 port:443')).toEqual({ port: ['80', '443'] });
  });

  it('takes text for an address or the beginning of a pod name in any namespace', () => {
    expect(read('web')).toEqual({ pod: ['/web'] });
    expect(read('10.0.0.0/8')).toEqual({ ip: ['10.0.0.0/8'] });
    expect(read('fd42::c')).toEqual({ ip: ['fd42::c'] });
  });

  it('reads quoted values', () => {
    expect(read('workload:"a b",c')).toEqual({ workload: ['a b', 'c'] });
  });

  it('does not apply what is wrong, and names what was meant', () => {
    const [term] = parseFilter('verdikt:dropped');
    expect(term?.error).toBe('No filter is called verdikt. Did you mean verdict?');
    expect(read('verdikt:dropped ns:shop')).toEqual({ namespace: ['shop'] });
    expect(parseFilter('verdict:droped')[0]?.error).toContain('did you mean dropped');
    expect(parseFilter('port:http')[0]?.error).toContain('8080');
    expect(parseFilter('port:70000')[0]?.error).not.toBeNull();
    expect(parseFilter('ns:')[0]?.error).toContain('needs a value');
  });

  it.each(['', 'ns:shop -to:orders', 'workload:"a b",c', 'ip:10.0.0.1 verdict:dropped'])(
    'formats %j as it was',
    (text) => {
      expect(formatFilter(parseFilter(text))).toBe(text);
    },
  );

  it('says what the map cannot apply', () => {
    expect(mapPart(read('ns:shop ip:10.0.0.1 -reply:true'))).toEqual({
      filter: { namespace: ['shop'] },
      ignored: ['ip', 'not.reply'],
    });
  });

  it('reads filters by message, and leaves them out of the map', () => {
    expect(read('http.status:5xx,404 http.path:^/orders/[^/]+$ -dns.query:"a{1,2}" protocol:http,tcp')).toEqual({
      'http-status': ['5xx', '404'],
      'http-path': ['^/orders/[^/]+$'],
      'not.dns-query': ['a{1,2}'],
      protocol: ['http', 'tcp'],
    });
    expect(parseFilter('http.status:600')[0]?.error).toContain('5xx');
    expect(parseFilter('http.header:Host')[0]?.error).toContain('Host:orders');
    const filter = read('ns:shop http.status:5xx proto:http to.fqdn:*.example.net');
    expect(mapPart(filter)).toEqual({
      filter: { namespace: ['shop'], 'to-fqdn': ['*.example.net'] },
      ignored: ['http-status', 'protocol'],
    });
    expect(mapPart(read('-proto:udp')).ignored).toEqual([]);
  });

  it('turns a filter into terms, and adds only new ones', () => {
    const terms = termsOf({ 'not.port': ['53'] });
    expect(formatFilter(terms)).toBe('-port:53');
    expect(withTerms(parseFilter('-port:53'), terms)).toHaveLength(1);
  });
});
