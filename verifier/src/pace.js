// Long work in short pieces: the page answers and draws in between, and tells how far it is.

const PIECE_MS = 40;

// A message comes back as a task of its own; timers are held back in pages that nobody looks at.
function task() {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(null);
  });
}

export class Pace {
  constructor(tell = () => {}) {
    this.tell = tell;
    this.last = performance.now();
  }

  // Called between steps that are short: `done` of `total` of what is being done.
  async step(what, done, total) {
    if (performance.now() - this.last < PIECE_MS) return;
    this.tell(what, done, total);
    await task();
    this.last = performance.now();
  }
}
