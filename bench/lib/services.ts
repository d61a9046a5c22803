/** The Services of a variant: many that nobody calls, and among them the one that is measured. */

export interface BenchService {
  /** Number from 0, also part of its name. */
  index: number;
  clusterIP: string;
  port: number;
  backend: string;
  backendPort: number;
}

export const BACKEND_PORT = 8080;

/** "1 Service", "10,000 Services". */
export const countServices = (count: number) => `${count.toLocaleString('en')} Service${count === 1 ? '' : 's'}`;

/**
 * `count` Services with one backend each. All have the server pod behind them, so that no variant can be
 * faster by finding fewer backends. kube-proxy writes Services in no particular order: on average a list
 * of rules is walked to its middle, at worst to its end. Where there is no list the place makes no difference.
 */
export function benchServices(
  count: number,
  backend: string,
  place: 'middle' | 'last' = 'middle',
): { services: BenchService[]; measured: BenchService } {
  const services = Array.from({ length: count }, (_, index) => ({
    index,
    clusterIP: `10.96.${(index + 1) >> 8}.${(index + 1) & 255}`,
    port: 80,
    backend,
    backendPort: BACKEND_PORT,
  }));
  const measured = services[place === 'last' ? count - 1 : count >> 1];
  if (!measured) throw new Error('A variant needs at least one Service.');
  return { services, measured };
}
