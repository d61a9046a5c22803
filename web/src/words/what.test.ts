import { describe, expect, it } from 'vitest';
import type { HubbleFlow, SpyglassExtension } from '../../../server/wire/hubble.ts';
import { endName, plainLabels } from './ends.ts';
import { whyDropped, whyForwarded } from './reasons.ts';
import { whatOf } from './what.ts';

function flow(change: Partial<HubbleFlow>, spyglass: Partial<SpyglassExtension> = {}): HubbleFlow {
  return {
    time: '2026-11-22T18:33:56.4Z',
    uuid: 'u',
    emitter: { name: 'Spyglass', version: '0.1.0' },
    verdict: 'FORWARDED',
    IP: { source: '10.42.0.11', destination: '10.96.171.195', ipVersion: 'IPv4' },
    l4: { TCP: { source_port: 51516, destination_port: 80, flags: { SYN: true } } },
    source: {
      namespace: 'clients',
      pod_name: 'intruder-n4l-4rhmv',
      workloads: [{ name: 'intruder', kind: 'Deployment' }],
    },
    destination: { labels: ['reserved:unknown'] },
    Type: 'L3_L4',
    node_name: 'demo',
    event_type: { type: 4 },
    Summary: 'TCP Flags: SYN',
    extensions: {
      '@type': 'type.googleapis.com/google.protobuf.Struct',
      value: {
        spyglass: {
          event: 'NEW',
          connection_id: '1',
          packets: 1,
          bytes: 60,
          reply_packets: 0,
          reply_bytes: 0,
          rtt_ns: 0,
          path: [],
          service_id: 0,
          backend_id: 0,
          original: null,
          drop: null,
          policy: null,
          ...spyglass,
        },
      },
    },
    ...change,
  };
}

const legacy = { namespace: 'shop', name: 'legacy' };

describe('names of ends', () => {
  it('splits the hash from the workload', () => {
    expect(endName(flow({}), 'source')).toEqual({ namespace: 'clients', name: 'intruder', rest: '-n4l-4rhmv' });
  });

  it('names the service where no pod was reached, the address where there is neither', () => {
    expect(endName(flow({ destination_service: legacy }), 'destination').name).toBe('legacy');
    expect(endName(flow({}), 'destination').name).toBe('10.96.171.195');
  });

  it('keeps the labels that people set', () => {
    expect(plainLabels(['k8s:app=web', 'k8s:io.kubernetes.pod.namespace=shop', 'k8s:pod-template-hash=x'])).toEqual([
      'app=web',
    ]);
  });
});

describe('what a flow was', () => {
  it('names the event', () => {
    expect(whatOf(flow({}))).toBe('New, SYN');
    expect(whatOf(flow({ is_reply: true }, { event: 'CLOSE', packets: 6 }))).toBe('Closed, 6 packets, reply');
  });

  it('names the drop, and counts those that were not reported', () => {
    const drop = { stage: 'SERVICE', line: 214, words: 'Service has no backend', suppressed: 3 };
    expect(whatOf(flow({}, { event: 'DROP', drop }))).toBe('Service has no backend ×4');
  });
});

describe('why', () => {
  it('says who, what and which port', () => {
    const why = whyDropped(flow({ drop_reason: 158, destination_service: legacy }));
    expect(why.cause).toBe('Service shop/legacy has no pod behind it that serves port 80.');
    expect(why.advice).not.toBeNull();
  });

  it('names the service that was called', () => {
    const original = { ip: '10.96.0.10', port: 53 };
    expect(whyForwarded(flow({ destination_service: legacy }, { original })).cause).toContain(
      'service shop/legacy at 10.96.0.10:53',
    );
  });
});
