/**
 * The page's live stream, with a hand on it: tests change what the hub says, or cut it off, to see states that a
 * healthy demo does not have. Everything that is not changed comes from the real hub.
 */
import type { Page, WebSocketRoute } from '@playwright/test';
import type { LiveMessage } from '../../server/wire/live.ts';

type Change = (message: LiveMessage) => LiveMessage;

export class LiveStream {
  #change: Change = (message) => message;
  #isCut = false;
  /** Ends both sides of an open connection. */
  readonly #open = new Set<() => Promise<void>>();

  /** Must be called before the page is opened. */
  static async of(page: Page): Promise<LiveStream> {
    const stream = new LiveStream();
    await page.routeWebSocket(/\/api\/v1\/live$/, (client) => stream.#connect(client));
    return stream;
  }

  /** From now on every message passes through `change`. */
  change(change: Change): void {
    this.#change = change;
  }

  /** Ends the connection and refuses new ones until `restore`. */
  async cut(): Promise<void> {
    this.#isCut = true;
    await Promise.all([...this.#open].map((end) => end()));
  }

  restore(): void {
    this.#isCut = false;
  }

  #connect(client: WebSocketRoute): void | Promise<void> {
    if (this.#isCut) return client.close({ code: 1001 });
    const hub = client.connectToServer();
    const end = async (): Promise<void> => {
      // Out of the set first: what the hub sends meanwhile must not reach a page that was cut off.
      this.#open.delete(end);
      await Promise.all([client.close({ code: 1001 }), hub.close()]);
    };
    this.#open.add(end);
    hub.onMessage((data) => {
      if (!this.#open.has(end)) return;
      // The hub sends text only.
      const message = JSON.parse(String(data)) as LiveMessage;
      client.send(JSON.stringify(this.#change(message)));
    });
    return undefined;
  }
}
