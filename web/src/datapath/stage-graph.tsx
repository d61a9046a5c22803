/** The graph of stages: cached packets straight through, first packets down and up again, drops as red sinks. */
import { memo, type ReactNode } from 'react';
import { duration, percent, rate } from '../words/numbers.ts';
import { reasonWords } from '../words/reasons.ts';
import { bandWidth, type Box, type GraphLayout, inLines } from './graph-layout.ts';
import { FIRST_PACKET_STAGES, type GraphNumbers, type StageName, type StageNumbers } from './graph-model.ts';

interface StageGraphProps {
  numbers: GraphNumbers;
  layout: GraphLayout;
  /** Stages that the chosen flow passed; empty for none. */
  path: readonly string[];
}

const TOP_ROW = ['PARSE', 'FLOW_CACHE', 'DELIVER'] as const satisfies readonly StageName[];

export const StageGraph = memo(function StageGraph({ numbers, layout, path }: StageGraphProps): ReactNode {
  const { stages } = numbers;
  return (
    <svg
      className="dag"
      width={layout.width}
      height={layout.height}
      role="img"
      aria-label={`Packets through the stages of the datapath: ${rate(numbers.in)} in, ${rate(numbers.hits)} found in the flow cache, ${rate(numbers.misses)} first packets`}
    >
      <Bands numbers={numbers} layout={layout} path={path} />
      <End
        box={layout.in}
        name="in"
        value={rate(numbers.in)}
        note="pods, uplinks"
        drops={stages.get('PREFILTER')?.drops}
      />
      {[...TOP_ROW, ...FIRST_PACKET_STAGES].map((name) => (
        <Stage
          key={name}
          box={layout.stages.get(name)}
          numbers={stages.get(name)}
          name={name}
          shown={name === 'DELIVER' ? numbers.hits + (stages.get('DELIVER')?.rate ?? 0) : undefined}
          isOn={path.includes(name)}
        />
      ))}
      <End box={layout.delivered} name="delivered" value={rate(numbers.delivered)} note="pods, uplinks" />
      <End box={layout.stack} name="host stack" value={rate(numbers.stack)} note="" />
      <Lane numbers={numbers} layout={layout} />
    </svg>
  );
});

/** A band to scale; the path of a chosen flow is a line of its own on it. */
function Band({ d, width, isOn }: { d: string; width: number; isOn: boolean }): ReactNode {
  return (
    <>
      <path className="band" d={d} strokeWidth={width} />
      {isOn && <path className="way" d={d} />}
    </>
  );
}

function Bands({ numbers, layout, path }: StageGraphProps): ReactNode {
  const { stages } = layout;
  const [parse, cache, deliver] = TOP_ROW.map((name) => stages.get(name));
  const [first] = FIRST_PACKET_STAGES;
  const [entry, last] = [stages.get(first), stages.get('MASQUERADE')];
  if (!parse || !cache || !deliver || !entry || !last) return null;
  const most = Math.max(numbers.in, numbers.delivered, 1);
  const middle = parse.y + parse.height / 2;
  const row = entry.y + entry.height / 2;
  const isOn = path.length > 0;
  const isFirst = path.includes('SERVICE') || path.includes('SOURCE_CHECK');
  const across = (from: Box, to: Box, packets: number, on: boolean): ReactNode => (
    <Band d={`M${from.x + from.width} ${middle}H${to.x}`} width={bandWidth(packets, most)} isOn={on} />
  );
  const up = numbers.stages.get('DELIVER')?.rate ?? 0;
  // Straight down, where the boxes stand below each other.
  const turn = Math.max(entry.x + 12, Math.min(cache.x + cache.width / 2, entry.x + entry.width - 12));
  return (
    <g>
      {across(layout.in, parse, numbers.in, isOn)}
      {across(parse, cache, numbers.hits + numbers.misses, isOn)}
      {across(cache, deliver, numbers.hits, isOn && !isFirst)}
      {across(deliver, layout.delivered, numbers.delivered, isOn && path.includes('DELIVER'))}
      {numbers.stack > 0 && (
        <path
          className="band"
          d={`M${deliver.x + deliver.width} ${middle + 14}C${deliver.x + deliver.width + 24} ${middle + 14} ${layout.stack.x - 24} ${layout.stack.y + 23} ${layout.stack.x} ${layout.stack.y + 23}`}
          strokeWidth={bandWidth(numbers.stack, most)}
        />
      )}
      {numbers.misses > 0 && (
        <Band
          d={`M${turn} ${cache.y + cache.height}V${entry.y}`}
          width={bandWidth(numbers.misses, most)}
          isOn={isFirst}
        />
      )}
      {FIRST_PACKET_STAGES.slice(1).map((name, index) => {
        const [from, to] = [stages.get(FIRST_PACKET_STAGES[index] ?? first), stages.get(name)];
        const passed = numbers.stages.get(name)?.rate ?? 0;
        // Masquerade is only for what leaves the cluster; the others go past it.
        const packets = name === 'MASQUERADE' ? Math.max(passed, up) : passed;
        if (!from || !to || packets === 0) return null;
        return (
          <Band
            key={name}
            d={`M${from.x + from.width} ${row}H${to.x}`}
            width={bandWidth(packets, most)}
            isOn={isFirst && path.includes(name)}
          />
        );
      })}
      {up > 0 && (
        <Band
          d={`M${deliver.x + deliver.width / 2} ${last.y}V${deliver.y + deliver.height}`}
          width={bandWidth(up, most)}
          isOn={isFirst && path.includes('DELIVER')}
        />
      )}
    </g>
  );
}

/** What stands on the straight line and above the detour. */
function Lane({ numbers, layout }: Omit<StageGraphProps, 'path'>): ReactNode {
  const cache = layout.stages.get('FLOW_CACHE');
  const looked = numbers.hits + numbers.misses;
  if (!cache || looked === 0) return null;
  const x = cache.x + cache.width + 20;
  const ns = (value: number | null): string => (value === null ? '' : `, ${duration(value)} from hook to hook`);
  return (
    <g className="lane">
      <text x={x} y={cache.y + 36}>
        <tspan className="lb">{percent(numbers.hits / looked)} hit</tspan>
        <tspan dx="12">{rate(numbers.hits)}</tspan>
        <tspan dx="12">one lookup{ns(numbers.hitNs)}</tspan>
      </text>
      <text x={x} y={cache.y + cache.height + 46} className="cap">
        <tspan className="lb">{percent(numbers.misses / looked)} miss</tspan>
        <tspan dx="12">{rate(numbers.misses)}</tspan>
        <tspan dx="12">first packets walk the stages once{ns(numbers.firstNs)}, then both directions are cached</tspan>
      </text>
    </g>
  );
}

interface StageProps {
  box: Box | undefined;
  name: StageName;
  numbers: StageNumbers | undefined;
  /** Packets per second to show, where it is not what the stage counted. */
  shown: number | undefined;
  isOn: boolean;
}

function Stage({ box, name, numbers, shown, isOn }: StageProps): ReactNode {
  if (box === undefined) return null;
  const isIdle = numbers === undefined && (shown ?? 0) === 0;
  return (
    <>
      {numbers?.drops && <Sink box={box} drops={numbers.drops} />}
      <g className={`st ${isIdle ? 'idle' : ''} ${isOn ? 'on' : ''}`} transform={`translate(${box.x} ${box.y})`}>
        <rect width={box.width} height={box.height} rx="7" />
        <text className="n" x="10" y="21">
          {numbers?.name ?? name.toLowerCase().replaceAll('_', ' ')}
        </text>
        <text className="a" x="10" y="39">
          {isIdle ? 'idle' : rate(shown ?? numbers?.rate ?? 0)}
        </text>
        <text className="bb" x="10" y="54">
          {typeof numbers?.meanNs === 'number' ? duration(numbers.meanNs) : ''}
        </text>
      </g>
    </>
  );
}

interface EndProps {
  box: Box;
  name: string;
  value: string;
  note: string;
  drops?: StageNumbers['drops'] | undefined;
}

function End({ box, name, value, note, drops }: EndProps): ReactNode {
  return (
    <>
      {drops && <Sink box={box} drops={drops} />}
      <g className="st" transform={`translate(${box.x} ${box.y})`}>
        <rect width={box.width} height={box.height} rx="7" />
        <text className="n" x="12" y="20">
          {name}
        </text>
        <text className="a" x="12" y="37">
          {value}
        </text>
        <text className="bb" x="12" y="54">
          {note}
        </text>
      </g>
    </>
  );
}

/** The line ends where the packet ended. */
function Sink({ box, drops }: { box: Box; drops: NonNullable<StageNumbers['drops']> }): ReactNode {
  const x = box.x + box.width / 2;
  const y = box.y + box.height;
  const [reason, ...others] = drops.reasons.map(reasonWords);
  const words =
    reason === undefined ? '' : `${reason.toLowerCase()}${others.length > 0 ? `, ${others.length} more` : ''}`;
  return (
    <g className="sink">
      <path className="sl" d={`M${x} ${y}v26`} />
      <path className="sb" d={`M${x - 9} ${y + 28}h18`} />
      <text className="sr" x={x} y={y + 46}>
        {rate(drops.rate)}
      </text>
      <text className="sw" y={y + 61}>
        {inLines(words, box.width + 4).map((line, index) => (
          <tspan key={line} x={x} dy={index === 0 ? 0 : 14}>
            {line}
          </tspan>
        ))}
      </text>
    </g>
  );
}
