// A table that can be sorted, and that becomes cards on a phone: every cell knows
// the name of its column.
import { useId, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { t } from '../i18n';
import { sorted, type Sortable } from '../ice/sort';

export interface Column<T> {
  label: string;
  cell: (item: T) => string | JSX.Element;
  by?: (item: T) => Sortable; // without: by the text of the cell
  look?: 'mono' | 'wide'; // data, or a sentence that may take lines
  hint?: string;
}

interface Order { at: number; down: boolean }

const SIGN = { up: '▲', down: '▼' };

/** Upwards, downwards, and back to the order in which the rows came. */
function next(order: Order | undefined, at: number): Order | undefined {
  if (order?.at !== at) return { at, down: false };
  return order.down ? undefined : { at, down: true };
}

function valueOf<T>(column: Column<T> | undefined): ((item: T) => Sortable) | undefined {
  return column && (column.by ?? ((item) => { const cell = column.cell(item); return typeof cell === 'string' ? cell : ''; }));
}

function Head<T>({ columns, order, onOrder }: { columns: readonly Column<T>[]; order: Order | undefined; onOrder: (at: number) => void }) {
  return (
    <thead>
      <tr>
        {columns.map(({ label, hint }, i) => {
          const down = order?.at === i ? order.down : undefined;
          return (
            <th key={label} scope="col" title={hint} aria-sort={down === undefined ? undefined : down ? 'descending' : 'ascending'}>
              <button type="button" class="bare" onClick={() => onOrder(i)}>{label}{down !== undefined && <span aria-hidden="true">{down ? SIGN.down : SIGN.up}</span>}</button>
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

/** Cards have no heads to click on. */
function SortBy<T>({ columns, order, onOrder }: { columns: readonly Column<T>[]; order: Order | undefined; onOrder: (order: Order | undefined) => void }) {
  const id = useId();
  return (
    <div class="sort-by">
      <label class="small" for={id}>{t('table.sort')}</label>
      <select id={id} value={order?.at ?? -1} onChange={(e) => { const at = Number(e.currentTarget.value); onOrder(at < 0 ? undefined : { at, down: false }); }}>
        <option value={-1}>{t('table.asItCame')}</option>
        {columns.map(({ label }, i) => <option key={label} value={i}>{label}</option>)}
      </select>
      {order && <button type="button" aria-label={t(order.down ? 'table.down' : 'table.up')} onClick={() => onOrder({ ...order, down: !order.down })}>{order.down ? SIGN.down : SIGN.up}</button>}
    </div>
  );
}

export function Table<T>({ columns, items, caption }: { columns: readonly Column<T>[]; items: readonly T[]; caption: string }) {
  const [order, setOrder] = useState<Order>();
  const by = order && valueOf(columns[order.at]);
  const rows = order && by ? sorted(items, by, order.down) : items;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      {items.length > 1 && <SortBy columns={columns} order={order} onOrder={setOrder} />}
      <table>
        <Head columns={columns} order={order} onOrder={(at) => setOrder(next(order, at))} />
        <tbody>
          {rows.map((item, i) => (
            <tr key={i}>{columns.map(({ label, cell, look }) => <td key={label} data-label={label} class={look}>{cell(item)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
