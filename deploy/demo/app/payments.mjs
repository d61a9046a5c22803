/** The payments service of the shop, called by gRPC, at both ends. Messages are JSON, which gRPC leaves to its users. */
import grpc from '@grpc/grpc-js';

const DEADLINE_MS = 3000;

const json = {
  serialize: (value) => Buffer.from(JSON.stringify(value)),
  deserialize: (bytes) => JSON.parse(bytes.toString('utf8')),
};

const method = (path) => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: json.serialize,
  requestDeserialize: json.deserialize,
  responseSerialize: json.serialize,
  responseDeserialize: json.deserialize,
});

const SERVICE = { charge: method('/shop.v1.Payments/Charge'), refund: method('/shop.v1.Payments/Refund') };

/** Answers with what `respond(path)` resolves to: a gRPC status, 0 for success. */
export function servePayments(port, respond) {
  const answer = (path) => (_, done) => {
    void respond(path).then((code) => (code === 0 ? done(null, { ok: true }) : done({ code, details: 'not this time' })));
  };
  const server = new grpc.Server();
  server.addService(SERVICE, {
    charge: answer(SERVICE.charge.path),
    refund: answer(SERVICE.refund.path),
  });
  server.bindAsync(`[::]:${port}`, grpc.ServerCredentials.createInsecure(), (error) => {
    if (error) throw error;
    console.log(`listening on ${port}`);
  });
}

export class Payments {
  #client;

  /** @param {string} address such as `payments:9090` */
  constructor(address) {
    const Client = grpc.makeGenericClientConstructor(SERVICE, 'shop.v1.Payments');
    this.#client = new Client(address, grpc.credentials.createInsecure());
  }

  /**
   * @param {'charge' | 'refund'} name
   * @returns {Promise<number>} the gRPC status
   */
  call(name) {
    const cents = 100 + Math.floor(Math.random() * 9900);
    return new Promise((resolve) => {
      this.#client[name]({ cents }, { deadline: Date.now() + DEADLINE_MS }, (error) => resolve(error?.code ?? 0));
    });
  }
}
