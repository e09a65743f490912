/** What was thrown, as text: JavaScript throws values of every kind. */

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
