CREATE TABLE items (id integer PRIMARY KEY, name text NOT NULL, price_cents integer NOT NULL);
INSERT INTO items SELECT id, 'item ' || id, 100 + 7 * id FROM generate_series(0, 999) AS id;
CREATE TABLE orders (id bigserial PRIMARY KEY, reference integer NOT NULL, total_cents integer NOT NULL, placed timestamptz NOT NULL DEFAULT now());
CREATE UNIQUE INDEX orders_reference ON orders (reference);
