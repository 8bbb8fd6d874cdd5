// How long to wait before each attempt to connect again. Pure.

const FIRST_S = 0.5;
const LONGEST_S = 15;
const ATTEMPTS = 12; // about two minutes in all; then the person decides

/**
 * Seconds to wait before attempt `attempt` (0, 1, ...), or null to give up.
 *
 * The upper half of each delay is drawn by `random`, so that pages that lost the same server do not return as one;
 * `leastS` is the server's wish.
 */
export function delayS(attempt, random, leastS = 0) {
  if (attempt >= ATTEMPTS) return null;
  const longest = Math.max(leastS * 2, Math.min(LONGEST_S, FIRST_S * 2 ** attempt));
  return longest * (0.5 + 0.5 * random());
}
