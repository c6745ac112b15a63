/** Takes one thing a turn of the event loop, in order: whatever else is ready goes in between. */
export interface OneATurn<Item> {
  add(item: Item): void;
  /** How many are waiting for their turn. */
  readonly waiting: number;
}

export function createOneATurn<Item>(take: (item: Item) => void): OneATurn<Item> {
  let items: Item[] = [];
  let next = 0;

  function takeNext(): void {
    const item = items[next++] as Item;
    if (next < items.length) setImmediate(takeNext);
    else {
      items = [];
      next = 0;
    }
    take(item);
  }

  return {
    add(item) {
      items.push(item);
      if (items.length - next === 1) setImmediate(takeNext);
    },
    get waiting() {
      return items.length - next;
    },
  };
}
