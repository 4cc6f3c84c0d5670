// The order of a table's rows.

export type Sortable = string | number;

const collator = new Intl.Collator('en', { numeric: true });

function compare(a: Sortable, b: Sortable): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  // 9 before 10, also within an address.
  return collator.compare(String(a), String(b));
}

/** A new list by what by says of each item; items that are equal in it stay in their order. Empty cells come last. */
export function sorted<T>(items: readonly T[], by: (item: T) => Sortable, down: boolean): T[] {
  return [...items].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    if ((x === '') !== (y === '')) return x === '' ? 1 : -1;
    return down ? compare(y, x) : compare(x, y);
  });
}
