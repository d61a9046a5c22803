/** The database of the shop: the statements that routes name, over a few kept connections. */
import pg from 'pg';

const TIMEOUT_MS = 2000;

/** Each gets one number that changes. */
const STATEMENTS = {
  // As some programs write it: with the value in the text.
  'list-items': (n) => [`SELECT id, name, price_cents FROM items WHERE id BETWEEN ${n} AND ${n + 20} ORDER BY name`],
  'find-item': (n) => ['SELECT name, price_cents FROM items WHERE id = $1', [n]],
  // References are drawn, so that now and then one is there already: the database refuses it (23505).
  'add-order': (n) => ['INSERT INTO orders (reference, total_cents) VALUES ($1, $2) RETURNING id', [reference(), 100 * n]],
  'forget-orders': () => ["DELETE FROM orders WHERE placed < now() - interval '1 minute'"],
};

export class Database {
  #pool;

  /** @param {string} address such as `db:5432` */
  constructor(address) {
    const [host, port] = address.split(':');
    this.#pool = new pg.Pool({
      host,
      port: Number(port),
      user: 'shop',
      database: 'postgres',
      max: 4,
      connectionTimeoutMillis: TIMEOUT_MS,
      query_timeout: TIMEOUT_MS,
    });
    // Of idle connections; those in use tell who uses them.
    this.#pool.on('error', (error) => console.error(`database: ${error.message}`));
  }

  /** Rejects with `code` 23505 if what is to be added is there. */
  async run(name) {
    const [text, values] = STATEMENTS[name](Math.floor(Math.random() * 980));
    await this.#pool.query(text, values);
  }

  static knows(name) {
    return name in STATEMENTS;
  }
}

function reference() {
  return Math.floor(Math.random() * 20_000);
}
