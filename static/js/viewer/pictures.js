// Loads pictures one at a time: the one that is wanted, then those that may be next. What is not wanted any more by its turn
// is never asked for, however fast the images are turned.
const MOST_KEPT = 48;

export class Pictures {
  #kept = new Map();
  #wanted = [];
  #isLoading = false;
  #show = () => {};

  // `show` is called with the element of the first address, or with none where it cannot be had.
  want(addresses, show) {
    this.#wanted = addresses;
    this.#show = show;
    if (this.#kept.has(addresses[0])) show(this.#kept.get(addresses[0]));
    this.#load();
  }

  async #load() {
    const address = this.#wanted.find((each) => !this.#kept.has(each));
    if (this.#isLoading || !address) return;
    this.#isLoading = true;
    const picture = new Image();
    picture.src = address;
    const isThere = await picture.decode().then(() => true, () => false);
    this.#isLoading = false;
    if (isThere) this.#keep(address, picture);
    const isFirst = address === this.#wanted[0];
    this.#wanted = this.#wanted.filter((each) => isThere || each !== address);
    if (isFirst) this.#show(isThere ? picture : null);
    this.#load();
  }

  #keep(address, picture) {
    this.#kept.set(address, picture);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(oldest);
  }
}
