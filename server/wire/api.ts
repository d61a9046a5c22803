/**
 * What the paths of the HTTP API answer, by the names they have in the OpenAPI document. `npm run generate` makes JSON Schemas of
 * these types (server/hub/openapi/schemas.gen.ts).
 */
import type { WhoAmI } from './access.ts';
import type { Datapath as DatapathAnswer } from './datapath.ts';
import type { Export as ExportState } from './exports.ts';
import type { GetFlowsResponse } from './hubble.ts';
import type { L7Table } from './l7-table.ts';
import type { PolicyDetail, PolicyList } from './policies.ts';
import type { ServiceMap } from './service-map.ts';
import type { HubStatus, LossReport, NamespaceStatus, NodeStatus } from './status.ts';
import type { TimelineTotals } from './timeline.ts';

/** RFC 9457. */
export interface Problem {
  type: 'about:blank';
  title: string;
  status: number;
  /** One sentence: what was wrong, and what is allowed. */
  detail: string;
}

export interface ApiAnswers {
  Flows: GetFlowsResponse[];
  FlowLine: GetFlowsResponse;
  Map: ServiceMap;
  Routes: L7Table;
  Datapath: DatapathAnswer;
  Status: HubStatus;
  Nodes: { nodes: NodeStatus[] };
  Namespaces: { namespaces: NamespaceStatus[] };
  Loss: LossReport;
  Timeline: TimelineTotals;
  Policies: PolicyList;
  Policy: PolicyDetail;
  Exports: { exports: ExportState[] };
  Export: ExportState;
  WhoAmI: WhoAmI;
  Problem: Problem;
}
