/**
 * A commit that is written and not yet known to be on the disk: what is told when it is. Journal thread; each is used again.
 */
import { asSeq, type Seq } from "../../base/brand.ts";
import type { Journal } from "../../store/journal.ts";
import { emptyTally, type Tally } from "./intake.ts";

export class Written {
  committed: Seq = asSeq(0);
  oldest: Seq = asSeq(1);
  /** End of the block of fences that is reserved with it; 0: none is. */
  fences = 0;
  /** Position of the registry's ring up to which all is in it, and whether rows of commands or configurations are. */
  lifecycleEnd = 0;
  hasRows = false;
  /** Of the sync thread; it is on the disk when that is answered. */
  ticket = 0;
  /** Monotonic ms when its commit began. */
  beganAt = 0;
  readonly tally: Tally = emptyTally();

  fill(journal: Journal, tally: Readonly<Tally>, fences: number, beganAt: number): void {
    this.committed = journal.committed;
    this.oldest = asSeq(journal.oldest);
    this.fences = fences;
    this.beganAt = beganAt;
    Object.assign(this.tally, tally);
  }
}
