/**
 * Named fault points: places where a test can make a running gateway throw, spin, fail, die, or wait until it is let go.
 * Off unless `BERTH_FAULTS` names a point, e.g. `journal.commit:fail@3,registry.loop:spin@100`
 * (the action happens at the 3rd, the 100th time the point is passed; `@3+` from the 3rd time on).
 * `hold` waits until the file that `BERTH_FAULTS_RELEASE` names is there. Each thread builds its own from the text in its Boot; the performer lives in the platform layer.
 */
export type FaultAction = "throw" | "spin" | "fail" | "kill" | "hold";

export interface FaultPoints {
  /** The action due at this passing of the point, or null. Costs one property read when no fault is set. */
  at(point: string): FaultAction | null;
}

const NONE: FaultPoints = { at: () => null };
const FORM = /^([a-z_.]+):(throw|spin|fail|kill|hold)(?:@(\d+)(\+?))?$/;

/** Parses the text of `BERTH_FAULTS`. @throws Error naming the part that is not `point:action[@count[+]]`. */
export function faultPoints(text: string | undefined): FaultPoints {
  if (text === undefined || text === "") return NONE;
  const plan = new Map<string, { action: FaultAction; from: number; repeat: boolean; passed: number }>();
  for (const part of text.split(",")) {
    const match = FORM.exec(part.trim());
    if (match === null) throw new Error(`Cannot read fault "${part}": expected point:throw|spin|fail|kill|hold[@count[+]]`);
    plan.set(match[1]!, {
      action: match[2] as FaultAction,
      from: Number(match[3] ?? "1"),
      repeat: match[4] === "+",
      passed: 0,
    });
  }
  return {
    at(point) {
      const fault = plan.get(point);
      if (fault === undefined) return null;
      fault.passed++;
      return fault.passed === fault.from || (fault.repeat && fault.passed > fault.from) ? fault.action : null;
    },
  };
}
