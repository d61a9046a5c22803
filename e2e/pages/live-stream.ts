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
  readonly #open = new Set<WebSocketRoute>();

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
    await Promise.all([...this.#open].map((client) => client.close({ code: 1001 })));
  }

  restore(): void {
    this.#isCut = false;
  }

  #connect(client: WebSocketRoute): void | Promise<void> {
    if (this.#isCut) return client.close({ code: 1001 });
    this.#open.add(client);
    client.onClose(() => this.#open.delete(client));
    const hub = client.connectToServer();
    hub.onMessage((data) => {
      // The hub sends text only.
      const message = JSON.parse(String(data)) as LiveMessage;
      client.send(JSON.stringify(this.#change(message)));
    });
  }
}
