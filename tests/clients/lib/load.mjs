// An open loop: requests start at their times, whether earlier ones were answered or not, as those of many clients do.

/**
 * Starts `rate` requests a second, of all `kinds` in turn, until it is stopped. A kind is a function that answers whether it
 * went well; what it throws counts as failed.
 */
export function openLoop(rate, kinds) {
  const names = Object.keys(kinds);
  const began = performance.now();
  const failed = [];
  const running = new Set();
  let sent = 0;
  let slowest = 0;
  const one = async (name) => {
    const at = performance.now();
    try {
      if (!await kinds[name]()) failed.push(`${name}: refused`);
    } catch (error) {
      failed.push(`${name}: ${error.code ?? error.message}`);
    }
    slowest = Math.max(slowest, performance.now() - at);
  };
  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - began) * rate / 1_000);
    for (; sent < due; sent += 1) {
      const request = one(names[sent % names.length]).finally(() => running.delete(request));
      running.add(request);
    }
  }, 5);
  return {
    failed,
    get sent() { return sent; },
    /** Ends the loop and waits for what is under way. */
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
      return { sent, failed, slowest: Math.round(slowest) };
    },
  };
}
