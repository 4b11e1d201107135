/** What has the same key together, in the order of its first (`Map.groupBy`, which older browsers lack). */
export function grouped<T, K>(items: Iterable<T>, key: (item: T) => K): Map<K, T[]> {
  const found = new Map<K, T[]>();
  for (const item of items) {
    const name = key(item);
    const known = found.get(name);
    if (known) known.push(item);
    else found.set(name, [item]);
  }
  return found;
}
