/**
 * A record with an end that its reader may not know. Filters and the flow object are made from it as from any other,
 * so neither can tell more than it does.
 */
import type { AddressRange } from '../../wire/address.ts';
import type { End } from '../../flows/facts.ts';
import { RecordCursor } from '../../flows/record.ts';

/** In place of the number of a hidden endpoint. No agent gives it out, and unlike 0 it is no address of the world. */
export const HIDDEN_ENDPOINT = 0xffff_ffff;

export class OpaqueRecord extends RecordCursor {
  #hidden: End | null = null;
  #isServiceHidden = false;

  /** Shows what `record` points at, without the `hidden` end, and without the service if that is hidden. */
  show(record: RecordCursor, hidden: End | null, isServiceHidden: boolean): this {
    this.moveTo(record.view, record.offset);
    this.#hidden = hidden;
    this.#isServiceHidden = isServiceHidden;
    return this;
  }

  override get hiddenEnd(): End | null {
    return this.#hidden;
  }
  override get serviceId(): number {
    return this.#isServiceHidden ? 0 : super.serviceId;
  }
  override get backendId(): number {
    return this.#isServiceHidden ? 0 : super.backendId;
  }
  override get original(): string | null {
    return this.#isServiceHidden ? null : super.original;
  }
  /** It may be the device of the hidden pod. */
  override get interface(): number {
    return this.#hidden === null ? super.interface : 0;
  }
  override endpoint(end: End): number {
    return end === this.#hidden ? HIDDEN_ENDPOINT : super.endpoint(end);
  }
  override identity(end: End): number {
    return end === this.#hidden ? 0 : super.identity(end);
  }
  override isIn(end: End, range: AddressRange): boolean {
    return end !== this.#hidden && super.isIn(end, range);
  }
  override address(end: End): string {
    return end === this.#hidden ? '' : super.address(end);
  }
}
