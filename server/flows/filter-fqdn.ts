/** The filters `fqdn`, `from-fqdn` and `to-fqdn`: names that DNS gave to addresses of the world. */
import type { Names } from './dictionary.ts';
import { bad, type EndTest } from './filter-test.ts';
import { pattern } from './regex.ts';

/** `*` stands for any run of letters, digits, `-` and `.`; the whole name has to match. */
export function fqdnTest(name: string, values: readonly string[]): (names: Names) => EndTest {
  const patterns = values.map((value) => {
    const text = value.trim().toLowerCase().replace(/\.$/, '');
    if (text.endsWith('.') || text.length > 253 || !/^[a-z0-9_.*-]+$/.test(text)) {
      bad(name, value, 'names of letters, digits, "-", "_" and ".", with * for any run of them, such as *.example.com');
    }
    const escaped = text.replaceAll('.', String.raw`\.`).replaceAll(/\*+/g, '[-a-z0-9.]*');
    return pattern(name, `^${escaped}$`);
  });
  return (names) => (facts, end) => {
    if (names.dns.isEmpty || facts.endpoint(end) !== 0) return false;
    const known = names.dns.of(facts.address(end));
    return known.some((it) => patterns.some((matches) => matches(it)));
  };
}
