/** The map's toolbar: level, colour, what is folded, what the map leaves out of the filter. */
import { memo, type ReactNode } from 'react';
import type { MapGroup, ServiceMap } from '../../../server/wire/service-map.ts';
import { shownName } from '../filter/names.ts';
import { Icon } from '../marks/icon.tsx';
import { Segments } from '../marks/segments.tsx';
import type { ColourMode } from '../service-map/contract.ts';
import { counted } from '../words/numbers.ts';
import { busyDnsServers, edgesOf } from './folds.ts';
import { COLOURS, LEVELS } from './page-state.ts';

interface ToolbarProps {
  level: MapGroup;
  onLevel: (level: MapGroup) => void;
  colour: ColourMode;
  onColour: (colour: ColourMode) => void;
  map: ServiceMap | null;
  folded: readonly string[];
  onFold: (nodeId: string, isFolded: boolean) => void;
  ignored: readonly string[];
  onTidy: () => void;
  onKeys: () => void;
}

const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);
const LEVEL_OPTIONS = LEVELS.map((value) => ({ value, text: capital(value) }));
const COLOUR_OPTIONS = COLOURS.map((value) => ({ value, text: capital(value) }));

export const Toolbar = memo(function Toolbar(props: ToolbarProps): ReactNode {
  const { level, onLevel, colour, onColour, map, folded, onFold, ignored, onTidy, onKeys } = props;
  const offered = map === null ? [] : busyDnsServers(map).filter((id) => !folded.includes(id));
  return (
    <div className="bar" role="toolbar" aria-label="Map">
      <span className="label">Level</span>
      <Segments label="Level" options={LEVEL_OPTIONS} value={level} onChange={onLevel} />
      <span className="label">Colour</span>
      <Segments label="Colour" options={COLOUR_OPTIONS} value={colour} onChange={onColour} />
      {folded.length > 0 && <span className="label">Folded</span>}
      {folded.map((id) => (
        <button
          key={id}
          type="button"
          className="chip"
          title={`Show the edges of ${id}`}
          onClick={() => onFold(id, false)}
        >
          {id.split('/').at(-1)}{' '}
          {map !== null && edgesOf(map, id) > 0 && <i className="after">{counted(edgesOf(map, id), 'edge')}</i>}
          <Icon name="close" size={12} />
        </button>
      ))}
      {map !== null &&
        offered.map((id) => (
          <button
            key={id}
            type="button"
            className="btn quiet"
            title={`Hide the ${edgesOf(map, id)} edges of ${id}`}
            onClick={() => onFold(id, true)}
          >
            Fold DNS
          </button>
        ))}
      {ignored.length > 0 && (
        <span className="note" title="The map is made of counters per edge, which do not know this.">
          Map without {ignored.map((name) => shownName(name.replace('not.', ''))).join(', ')}
        </span>
      )}
      <span className="gap" />
      <button type="button" className="btn quiet" onClick={onTidy} title="Lay out anew (t)">
        <Icon name="tidy" />
        Tidy
      </button>
      <button type="button" className="btn quiet" onClick={onKeys} title="Keys (?)">
        <Icon name="keys" />
        Keys
      </button>
    </div>
  );
});
