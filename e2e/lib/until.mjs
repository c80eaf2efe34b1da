// Waiting for what must become true, without ever sleeping for a guessed time.

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// until asks again and again, and returns the first answer that is true. limit
// (ms) is a limit of failure, ten times what is expected or more, and no
// measurement. An error of the question counts as "not yet".
export async function until(what, question, { limit = 30_000, every = 50 } = {}) {
  const end = performance.now() + limit;
  let last;
  for (;;) {
    try {
      last = await question();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Error(`${what}: not within ${limit / 1000} s; the last answer was ${describe(last)}`);
    }
    await pause(every);
  }
}

function describe(answer) {
  return answer instanceof Error ? answer.message : JSON.stringify(answer);
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
