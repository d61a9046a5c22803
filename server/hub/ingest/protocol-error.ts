/** What agents can do wrong; each is a label of the metric that counts it. */
export type ProtocolFault =
  | 'hello'
  | 'order'
  | 'kind'
  | 'batch'
  | 'dictionary'
  | 'counters'
  | 'l7'
  | 'archive'
  | 'size'
  | 'timeout';

/** An agent broke the protocol: its connection is closed with the message, nothing else is touched. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly fault: ProtocolFault;

  constructor(fault: ProtocolFault, message: string) {
    super(message);
    this.fault = fault;
  }
}
