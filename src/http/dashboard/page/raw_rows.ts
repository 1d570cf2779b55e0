/** Rows of the tables of frames. Owned by the page. */
import { make } from "./element.ts";
import { type BadFrame, faultWords, isHeld, type KeptFrame, markWords, type StoredFrame } from "./raw_frames.ts";
import { count, moment } from "./words.ts";

const size = (bytes: number): string => `${count(bytes)} B`;

function bytesButton(key: string, bytes: number): HTMLButtonElement {
  const button = action("bytes", size(bytes));
  button.className = "io";
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", `bytes-${key}`);
  return button;
}

function action(name: string, words: string): HTMLButtonElement {
  const button = make("button", "do", words);
  button.type = "button";
  button.dataset["do"] = name;
  return button;
}

function rowOf(key: string, ...cells: HTMLElement[]): HTMLTableRowElement {
  const row = make("tr", "", ...cells);
  row.dataset["key"] = key;
  return row;
}

export function storedRow(frame: StoredFrame, now: number): HTMLTableRowElement {
  const { seq, receivedAt, codec, records, from, to, bytes } = frame;
  const span = from === to ? moment(from, now) : `${moment(from, now)} to ${moment(to, now)}`;
  return rowOf(
    `s${seq}`,
    make("td", "", moment(receivedAt, now)),
    make("td", "", codec),
    make("td", "number", count(records)),
    make("td", "span", span),
    make("td", "marks", markWords(frame)),
    make("td", "number seq", String(seq)),
    make("td", "io", bytesButton(`s${seq}`, bytes)),
  );
}

export function keptRow(frame: KeptFrame, now: number): HTMLTableRowElement {
  const { id, fault, offset, codec, count: times, firstAt, lastAt, releasedAt, decodes, replay, bytes, origin } = frame;
  const where = offset === null ? "" : `, at byte ${offset}`;
  const came = make("td", "", moment(lastAt, now));
  if (times > 1) came.append(make("span", "more", `${count(times)} times since ${moment(firstAt, now)}`));
  const why = make("td", "why", `${faultWords(fault)}${decodes === null ? where : ` when it came`}`);
  if (origin !== null) why.append(make("span", "more", `from ${origin.address}:${origin.port}`));
  const state = make("td", "state");
  if (replay !== null && replay.records > 0) state.append(`Decoded later: ${count(replay.stored)} of ${count(replay.records)} records new`);
  else if (decodes !== null) state.append(`Holds ${count(decodes)} records by now `, action("replay", "Decode and store"));
  else if (releasedAt !== null) state.append(`Released ${moment(releasedAt, now)}`);
  if (isHeld(frame)) state.append(action("release", "Release…"));
  const row = rowOf(`k${id}`, came, make("td", "codec", codec), why, state, make("td", "io", bytesButton(`k${id}`, bytes)));
  row.dataset["frame"] = String(id);
  row.classList.toggle("held", isHeld(frame));
  return row;
}

export function badRow({ at, bytes }: BadFrame, now: number): HTMLTableRowElement {
  return rowOf(
    `b${at}`,
    make("td", "", moment(at, now)),
    make("td", "codec", "–"),
    make("td", "why", faultWords("crc_mismatch")),
    make("td", "state", "Damaged on its way: the device sends it again"),
    make("td", "io", bytesButton(`b${at}`, bytes)),
  );
}
