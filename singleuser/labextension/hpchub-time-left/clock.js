/* When to ask, and when to warn. Nothing here touches the page. */

const LAST_CALL = 5; // minutes before the end, for the second warning
const USUAL_WARNING = 15; // minutes, when the hub does not say
const LONGEST_PAUSE = 600; // seconds between questions that fail
const TICK = 15; // seconds; the minutes shown are never older than this

/** Which warning is due: the minutes of the closest mark that has been passed, or 0. No first, no warning. */
export function markOf(seconds, first = USUAL_WARNING) {
  const marks = first ? [first, LAST_CALL].sort((a, b) => a - b) : [];
  return marks.find((minutes) => seconds <= minutes * 60) || 0;
}

/** Whether Slurm has suspended the job, and with it the job's clock. */
export function isPaused(facts) {
  return facts.state === "paused";
}

/** Asks the server while the page is seen, and before a warning, so that nobody is warned of an old end. */
export class Clock {
  /**
   * @param {(signal: AbortSignal) => Promise<object>} ask
   * @param {number} interval seconds between two questions
   * @param {(facts: object | null, left: number, mark: number) => void} tell
   */
  constructor(ask, interval, tell) {
    Object.assign(this, { ask, interval, tell, pause: interval, facts: null, end: 0, next: 0, busy: false });
    document.addEventListener("visibilitychange", () => this.tick());
    setInterval(() => this.tick(), Math.min(TICK, interval) * 1000);
    this.tick();
  }

  get left() {
    // Against the clock of this machine only by difference: it may be wrong, or have slept.
    return Math.max(0, (this.end - Date.now()) / 1000);
  }

  get mark() {
    return this.facts && !isPaused(this.facts) ? markOf(this.left, this.facts.warn_minutes) : 0;
  }

  async tick() {
    if (this.busy) {
      return;
    }
    this.busy = true;
    try {
      if (Date.now() >= this.next && (!document.hidden || this.mark)) {
        await this.look();
      }
      this.tell(this.facts, this.left, this.mark);
    } finally {
      this.busy = false;
    }
  }

  async look() {
    try {
      const facts = await this.ask(AbortSignal.timeout(20_000));
      this.pause = this.interval;
      this.facts = typeof facts.seconds_left === "number" || isPaused(facts) ? facts : null;
      this.end = Date.now() + 1000 * (facts.seconds_left || 0);
    } catch {
      // The connection is Jupyter's own concern; the end that is known stays.
      this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
    }
    this.next = Date.now() + this.pause * 1000;
  }
}
